package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// pointwiseGrain is the number of values of one piece of a pointwise loop.
const pointwiseGrain = 16384

// pointwise is the kernel of an op that treats each value by itself.
type pointwise struct {
	forward  func(y, x []float32)
	backward func(dx, dy, x, y []float32)

	x, y, dx, dy []float32
	fwd, bwd     func(lo, hi int)
}

// newPointwise makes a kernel of two functions on stretches of equal length.
func newPointwise(forward func(y, x []float32), backward func(dx, dy, x, y []float32)) *pointwise {
	p := &pointwise{forward: forward, backward: backward}
	p.fwd = func(lo, hi int) { p.forward(p.y[lo:hi], p.x[lo:hi]) }
	p.bwd = func(lo, hi int) { p.backward(p.dx[lo:hi], p.dy[lo:hi], p.x[lo:hi], p.y[lo:hi]) }
	return p
}

func (p *pointwise) Forward(_ *Run, in, out [][]float32) {
	p.x, p.y = in[0], out[0]
	kernel.Parallel(len(p.y), pointwiseGrain, p.fwd)
}

func (p *pointwise) Backward(_ *Run, in, out, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	p.x, p.y, p.dx, p.dy = in[0], out[0], din[0], dout[0]
	kernel.Parallel(len(p.y), pointwiseGrain, p.bwd)
}

// sameShape infers an output of the shape of input 0.
func sameShape(n *Node) ([]Shape, error) { return []Shape{n.In[0].Shape}, nil }

// copies is the kernel of an op that only renames: y = x, dx = dy.
func copies(*Build) (Kernel, error) {
	return newPointwise(
		func(y, x []float32) { copy(y, x) },
		func(dx, dy, _, _ []float32) { copy(dx, dy) }), nil
}
