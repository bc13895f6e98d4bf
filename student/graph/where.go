package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/kernel"
)

// Where is y = a where c, else b, with broadcasting; da = dy where c, else 0,
// and db = dy where not. The condition is a boolean that the graph computes.
func init() {
	Register(Op{Type: "Where", MinIn: 3, MaxIn: 3, Index: []int{0}, Infer: inferWhere, Build: func(b *Build) (Kernel, error) {
		return newWhere(b), nil
	}})
}

func inferWhere(n *Node) ([]Shape, error) {
	if c := n.In[0]; c.isInts || c.dtype != onnx.Bool {
		return nil, fmt.Errorf("condition %q is %s, expected booleans that the graph computes", c.Name, describeType(c))
	}
	return inferVariadic(n)
}

// where is the kernel of Where.
type where struct {
	*broadcast
	sums  [3]*reduction // by input
	in    [][]float32
	y, dy []float32
	fwd   func(lo, hi int)
}

func newWhere(b *Build) *where {
	k := &where{broadcast: newBroadcast(b.Out(0), b.In(0), b.In(1), b.In(2))}
	k.fwd = k.forwardUnits
	for i := 1; b.Training && i < 3; i++ {
		k.sums[i] = newReduction(k.broadcast, i, k.fill(i))
	}
	return k
}

func (k *where) Forward(_ *Run, in, out [][]float32) {
	k.in, k.y = in, out[0]
	kernel.Parallel(k.units(), k.grain(), k.fwd)
}

func (k *where) forwardUnits(lo, hi int) {
	for u := lo; u < hi; u++ {
		from, to, row, part := k.unit(u)
		n := to - from
		c, a, b := k.cut(0, k.in[0], row, part, n), k.cut(1, k.in[1], row, part, n), k.cut(2, k.in[2], row, part, n)
		for i := range n {
			v := b[i*k.steps[2]]
			if c[i*k.steps[0]] != 0 {
				v = a[i*k.steps[1]]
			}
			k.y[from+i] = v
		}
	}
}

func (k *where) Backward(_ *Run, in, _, dout, din [][]float32) {
	k.in, k.dy = in, dout[0]
	for i := 1; i < 3; i++ {
		if din[i] != nil {
			k.sums[i].run(din[i])
		}
	}
}

// fill gives the gradient of input i for a unit.
func (k *where) fill(input int) func(g []float32, from, to, row, part int) []float32 {
	return func(g []float32, from, to, row, part int) []float32 {
		c := k.cut(0, k.in[0], row, part, to-from)
		for i := range g {
			g[i] = 0
			if (c[i*k.steps[0]] != 0) == (input == 1) {
				g[i] = k.dy[from+i]
			}
		}
		return g
	}
}
