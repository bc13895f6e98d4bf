package opstest

import (
	"math"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func init() {
	for _, op := range []string{"Softmax", "LogSoftmax"} {
		log := op == "LogSoftmax"
		Add(Case{Op: op, Name: "rows", Inputs: []Input{data(7).between(-4, 4)}, Ref: refSoftmax(1, 2, log)})
		Add(Case{Op: op, Name: "axis 1", Attrs: attrs(onnx.IntAttr("axis", 1)), Inputs: []Input{data(3, 4)}, Ref: refSoftmax(1, 2, log)})
		Add(Case{Op: op, Name: "axis -2", Attrs: attrs(onnx.IntAttr("axis", -2)), Inputs: []Input{data(2, 3, 4)}, Ref: refSoftmax(2, 3, log)})
		Add(Case{Op: op, Name: "opset 11", Opset: 11, Attrs: attrs(onnx.IntAttr("axis", 1)), Inputs: []Input{data(3, 4)}, Ref: refSoftmax(1, 3, log)})
		Add(Case{Op: op, Name: "large", Inputs: []Input{data(5).between(-2000, 2000)}, Ref: refSoftmax(1, 2, log)})
	}
}

// refSoftmax normalises over the axes from to to together.
func refSoftmax(from, to int, log bool) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		x := in[0]
		n, stride := size(x.Dims[from:to]), size(x.Dims[to:])
		y := Tensor{x.Dims, make([]float64, len(x.Data))}
		for i := range x.Data {
			start := i/(n*stride)*n*stride + i%stride
			top, sum := math.Inf(-1), 0.0
			for k := range n {
				top = max(top, x.Data[start+k*stride])
			}
			for k := range n {
				sum += math.Exp(x.Data[start+k*stride] - top)
			}
			y.Data[i] = x.Data[i] - top - math.Log(sum)
			if !log {
				y.Data[i] = math.Exp(y.Data[i])
			}
		}
		return y
	}
}
