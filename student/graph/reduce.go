package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// reduceOp is an op that sums over axes of x: y = finish(Σ square(x)).
type reduceOp struct {
	squares bool
	finish  func(sum, n float64) float64 // of n values; nil: the sum
	// grad is dx along a row where y and dy have one value (step 0) or go
	// along (step 1); n is the number of values of one sum.
	grad func(dx, dy, x, y []float32, step int, n float32)
}

func registerReduce(name string, op reduceOp) {
	Register(Op{Type: name, MinIn: 1, MaxIn: 2, NoGrad: []int{1}, Infer: inferReduce, Build: func(b *Build) (Kernel, error) {
		return newReduce(op, b)
	}})
}

// reduced tells axis by axis of x which ones the node reduces: those of the
// attribute axes, or since opset 13 and 18 of the second input. None given means
// all; with noop_with_empty_axes none, and then each value is a sum of its own,
// squared or rooted all the same (onnx/onnx pull request 7137).
func reduced(n *Node) ([]bool, error) {
	x := n.In[0].Shape
	axes := n.Ints("axes", nil)
	if n.Has(1) {
		list, err := n.ConstInts(1)
		if err != nil {
			return nil, err
		}
		axes = axes[:0]
		for _, a := range list {
			axes = append(axes, int(a))
		}
	}
	gone := make([]bool, len(x))
	if len(axes) == 0 && n.Int("noop_with_empty_axes", 0) == 0 {
		for i := range x {
			axes = append(axes, i)
		}
	}
	for _, a := range axes {
		a, err := axis(a, len(x), false)
		if err != nil {
			return nil, err
		}
		if gone[a] {
			return nil, fmt.Errorf("axes %v name axis %d twice", axes, a)
		}
		if x[a] < 0 {
			return nil, fmt.Errorf("axis %d of %v mixes the rows of the batch", a, x)
		}
		gone[a] = true
	}
	return gone, nil
}

func inferReduce(n *Node) ([]Shape, error) {
	gone, err := reduced(n)
	if err != nil {
		return nil, err
	}
	out := Shape{}
	for i, d := range n.In[0].Shape {
		switch {
		case !gone[i]:
			out = append(out, d)
		case n.Int("keepdims", 1) != 0:
			out = append(out, 1)
		}
	}
	return []Shape{out}, nil
}

// reduceBroadcast is y, with the axes that are gone kept as 1, broadcast to x,
// and the number of values of one sum.
func reduceBroadcast(b *Build) (c *broadcast, n int, err error) {
	gone, err := reduced(b.Node)
	if err != nil {
		return nil, 0, err
	}
	x, n := b.In(0), 1
	y := append([]int{}, x...)
	for i, d := range x {
		if gone[i] {
			y[i], n = 1, n*d
		}
	}
	return newBroadcast(x, x, y), n, nil
}

// reduce is the kernel of a reduceOp. Of its broadcast, operand 0 is x and
// operand 1 is y.
type reduce struct {
	reduceOp
	*broadcast
	n            float32
	sum          *reduction
	x, y, dx, dy []float32
	bwd          func(lo, hi int)
}

func newReduce(op reduceOp, b *Build) (Kernel, error) {
	c, n, err := reduceBroadcast(b)
	if err != nil {
		return nil, err
	}
	k := &reduce{reduceOp: op, broadcast: c, n: float32(n)}
	k.bwd = k.backwardUnits
	k.sum = newReduction(c, 1, func(g []float32, from, to, _, _ int) []float32 {
		x := k.x[from:to]
		if op.squares {
			kernel.Mul(g, x, x)
			return g
		}
		return x
	})
	if _, batched := b.Node.Out[0].Shape.PerRow(); batched {
		k.sum.together()
	}
	if op.finish != nil {
		k.sum.finish = func(sum float64) float64 { return op.finish(sum, float64(n)) }
	}
	return k, nil
}

func (k *reduce) Forward(_ *Run, in, out [][]float32) {
	k.x = in[0]
	k.sum.run(out[0])
}

func (k *reduce) Backward(_ *Run, in, out, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	k.x, k.y, k.dx, k.dy = in[0], out[0], din[0], dout[0]
	kernel.Parallel(k.units(), k.grain(), k.bwd)
}

func (k *reduce) backwardUnits(lo, hi int) {
	for u := lo; u < hi; u++ {
		from, to, row, part := k.unit(u)
		n := to - from
		k.grad(k.dx[from:to], k.cut(1, k.dy, row, part, n), k.x[from:to], k.cut(1, k.y, row, part, n), k.steps[1], k.n)
	}
}

// spread is dx = dy/n.
func spread(dx, dy, _, _ []float32, step int, n float32) {
	if step == 1 {
		kernel.DivScalar(dx, dy, n)
		return
	}
	g := dy[0] / n
	for i := range dx {
		dx[i] = g
	}
}
