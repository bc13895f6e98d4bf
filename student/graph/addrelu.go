package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// addRelu is y = max(0, a + b) of two values of one shape, known to plans alone.
var addRelu = &Op{Type: "AddRelu", Layout: AnyOrder, GradInPlace: true, Infer: inferBinary, Build: func(b *Build) (Kernel, error) {
	k := &addReluKernel{}
	k.fwd = func(lo, hi int) { kernel.AddRelu(k.y[lo:hi], k.a[lo:hi], k.b[lo:hi]) }
	k.bwd = func(lo, hi int) { kernel.ReluBackward(k.g[lo:hi], k.dy[lo:hi], k.y[lo:hi]) }
	return k, nil
}}

type addReluKernel struct {
	a, b, y, dy, g []float32
	fwd, bwd       func(lo, hi int)
}

func (k *addReluKernel) Forward(_ *Run, in, out [][]float32) {
	k.a, k.b, k.y = in[0], in[1], out[0]
	kernel.Parallel(len(k.y), kernel.Grain, k.fwd)
}

// Backward is da = db = dy where y > 0, else 0.
func (k *addReluKernel) Backward(_ *Run, _, out, dout, din [][]float32) {
	k.y, k.dy = out[0], dout[0]
	for _, g := range din {
		if g != nil {
			k.g = g
			kernel.Parallel(len(g), kernel.Grain, k.bwd)
			k.dy = g // masked already, and dy may be this same memory
		}
	}
}
