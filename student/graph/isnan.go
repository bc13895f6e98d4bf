package graph

import "github.com/kdonnx/kdonnx/runtime/onnx"

// IsNaN is y = 1 where x is NaN, else 0, as a boolean. It has no gradient.
func init() {
	Register(Op{Type: "IsNaN", Layout: AnyOrder, MinIn: 1, MaxIn: 1, Infer: sameShape,
		DType: func(*Node) onnx.DType { return onnx.Bool },
		Build: func(*Build) (Kernel, error) { return isNaN{}, nil }})
}

type isNaN struct{}

func (isNaN) Forward(_ *Run, in, out [][]float32) {
	for i, v := range in[0] {
		out[0][i] = 0
		if v != v {
			out[0][i] = 1
		}
	}
}
