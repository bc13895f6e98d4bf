package graph

import "github.com/kdonnx/kdonnx/student/kernel"

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

// ofInput is newPointwise where the gradient is found from the input.
func ofInput(forward func(y, x []float32), backward func(dx, dy, x []float32)) *pointwise {
	return newPointwise(forward, func(dx, dy, x, _ []float32) { backward(dx, dy, x) })
}

// ofOutput is newPointwise where the gradient is found from the output.
func ofOutput(forward func(y, x []float32), backward func(dx, dy, y []float32)) *pointwise {
	return newPointwise(forward, func(dx, dy, _, y []float32) { backward(dx, dy, y) })
}

// registerPointwise registers an op that treats each value of its one input by
// itself; build makes its kernel from the attributes.
func registerPointwise(name string, infer func(n *Node) ([]Shape, error), build func(n *Node) *pointwise) {
	Register(Op{Type: name, Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: infer, Build: func(b *Build) (Kernel, error) {
		return build(b.Node), nil
	}})
}

func (p *pointwise) Forward(_ *Run, in, out [][]float32) {
	p.x, p.y = in[0], out[0]
	kernel.Parallel(len(p.y), kernel.Grain, p.fwd)
}

func (p *pointwise) Backward(_ *Run, in, out, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	p.x, p.y, p.dx, p.dy = in[0], out[0], din[0], dout[0]
	kernel.Parallel(len(p.y), kernel.Grain, p.bwd)
}

// sameShape infers an output of the shape of input 0.
func sameShape(n *Node) ([]Shape, error) { return []Shape{n.In[0].Shape}, nil }

// copies is the kernel of an op that only renames: y = x, dx = dy.
func copies(*Build) (Kernel, error) {
	return newPointwise(
		func(y, x []float32) { copy(y, x) },
		func(dx, dy, _, _ []float32) { copy(dx, dy) }), nil
}
