package graph

import "github.com/kdonnx/kdonnx/student/kernel"

func inferBinary(n *Node) ([]Shape, error) {
	out, err := broadcastShapes(n.In[0].Shape, n.In[1].Shape)
	return []Shape{out}, err
}

// rowFunc works on one stretch: y, a and b have one length, but a has one
// value where sa is 0, and b where sb is 0.
type rowFunc func(y, a, b []float32, sa, sb int)

// binaryOp is an op of two values with broadcasting. The gradients g before
// they are summed to the operand's shape are from dy, a and b; nil is g = dy.
type binaryOp struct {
	forward rowFunc
	da, db  func(g, dy, a, b []float32, sa, sb int)
	weights []int // as those of Op
}

// rows makes a rowFunc of kernels for two vectors, a vector and one value, and
// one value and a vector.
func rows(both func(y, a, b []float32), right func(y, a []float32, b float32), left func(y, b []float32, a float32)) rowFunc {
	return func(y, a, b []float32, sa, sb int) {
		switch {
		case sb == 0:
			right(y, a, b[0])
		case sa == 0:
			left(y, b, a[0])
		default:
			both(y, a, b)
		}
	}
}

func registerBinary(name string, infer func(n *Node) ([]Shape, error), op binaryOp) {
	Register(Op{Type: name, Layout: AnyOrder, MinIn: 2, MaxIn: 2, Weights: op.weights, Infer: infer, Build: func(b *Build) (Kernel, error) {
		return newBinary(op, b), nil
	}})
}

// pairwise is the kernel of a binaryOp.
type pairwise struct {
	binaryOp
	*broadcast
	sumA, sumB  *reduction
	a, b, y, dy []float32
	fwd         func(lo, hi int)
}

func newBinary(op binaryOp, b *Build) *pairwise {
	k := &pairwise{binaryOp: op, broadcast: newBroadcast(b.Out(0), b.In(0), b.In(1))}
	k.fwd = k.forwardUnits
	if b.Training {
		k.sumA, k.sumB = newReduction(k.broadcast, 0, k.fill(op.da)), newReduction(k.broadcast, 1, k.fill(op.db))
	}
	return k
}

func (k *pairwise) Forward(_ *Run, in, out [][]float32) {
	k.a, k.b, k.y = in[0], in[1], out[0]
	kernel.Parallel(k.units(), k.grain(), k.fwd)
}

func (k *pairwise) forwardUnits(lo, hi int) {
	for u := lo; u < hi; u++ {
		from, to, row, part := k.unit(u)
		n := to - from
		k.forward(k.y[from:to], k.cut(0, k.a, row, part, n), k.cut(1, k.b, row, part, n), k.steps[0], k.steps[1])
	}
}

func (k *pairwise) Backward(_ *Run, in, _, dout, din [][]float32) {
	k.a, k.b, k.dy = in[0], in[1], dout[0]
	if din[0] != nil {
		k.sumA.run(din[0])
	}
	if din[1] != nil {
		k.sumB.run(din[1])
	}
}

// fill gives the gradient of one operand for a unit.
func (k *pairwise) fill(grad func(g, dy, a, b []float32, sa, sb int)) func(g []float32, from, to, row, part int) []float32 {
	return func(g []float32, from, to, row, part int) []float32 {
		dy, n := k.dy[from:to], to-from
		if grad == nil {
			return dy
		}
		grad(g, dy, k.cut(0, k.a, row, part, n), k.cut(1, k.b, row, part, n), k.steps[0], k.steps[1])
		return g
	}
}

// timesB is g = dy·b.
func timesB(g, dy, _, b []float32, _, sb int) { scaled(g, dy, b, sb) }

// timesA is g = dy·a.
func timesA(g, dy, a, _ []float32, sa, _ int) { scaled(g, dy, a, sa) }

func scaled(g, dy, x []float32, step int) {
	if step == 0 {
		kernel.MulScalar(g, dy, x[0])
		return
	}
	kernel.Mul(g, dy, x)
}

func divided(g, dy, x []float32, step int) {
	if step == 0 {
		kernel.DivScalar(g, dy, x[0])
		return
	}
	kernel.Div(g, dy, x)
}
