package graph

// unary is the Kernel of loops of package kernel that take one input, and for
// its gradient the output's alone.
type unary struct {
	loops interface {
		Forward(y, x []float32)
		Backward(dx, dy []float32)
	}
}

func (u unary) Forward(_ *Run, in, out [][]float32) { u.loops.Forward(out[0], in[0]) }

func (u unary) Backward(_ *Run, _, _, dout, din [][]float32) {
	if din[0] != nil {
		u.loops.Backward(din[0], dout[0])
	}
}
