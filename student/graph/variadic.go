package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// variadicOp is an op of any number of values with broadcasting.
type variadicOp struct {
	fold   rowFunc // y = y ⋄ b
	finish func(y []float32, inputs int)
	// share gives g, the gradient of one input of a unit before it is summed to
	// the input's shape; nil is g = dy.
	share func(k *variadic, input int, g, dy []float32, from, to, row, part int)
}

func registerVariadic(name string, op variadicOp) {
	Register(Op{Type: name, Layout: AnyOrder, MinIn: 1, Infer: inferVariadic, Build: func(b *Build) (Kernel, error) {
		return newVariadic(op, b), nil
	}})
}

func inferVariadic(n *Node) (out []Shape, err error) {
	y := n.In[0].Shape
	for i := range n.In[1:] {
		if !n.Has(i + 1) {
			return nil, fmt.Errorf("input %d is missing, expected %d", i+1, len(n.In))
		}
		if y, err = broadcastShapes(y, n.In[i+1].Shape); err != nil {
			return nil, err
		}
	}
	return []Shape{y}, nil
}

// variadic is the kernel of a variadicOp.
type variadic struct {
	variadicOp
	*broadcast
	sums  []*reduction // by input
	in    [][]float32
	y, dy []float32
	fwd   func(lo, hi int)
}

func newVariadic(op variadicOp, b *Build) *variadic {
	k := &variadic{variadicOp: op}
	var shapes [][]int
	for i := range b.Node.In {
		shapes = append(shapes, b.In(i))
	}
	k.broadcast = newBroadcast(b.Out(0), shapes...)
	k.fwd = k.forwardUnits
	for i := range shapes {
		if b.Training {
			k.sums = append(k.sums, newReduction(k.broadcast, i, k.fill(i)))
		}
	}
	return k
}

func (k *variadic) Forward(_ *Run, in, out [][]float32) {
	k.in, k.y = in, out[0]
	kernel.Parallel(k.units(), k.grain(), k.fwd)
}

func (k *variadic) forwardUnits(lo, hi int) {
	for u := lo; u < hi; u++ {
		from, to, row, part := k.unit(u)
		y, n := k.y[from:to], to-from
		first := k.cut(0, k.in[0], row, part, n)
		if k.steps[0] == 1 {
			copy(y, first)
		} else {
			for i := range y {
				y[i] = first[0]
			}
		}
		for i, x := range k.in[1:] {
			k.fold(y, y, k.cut(i+1, x, row, part, n), 1, k.steps[i+1])
		}
		if k.finish != nil {
			k.finish(y, len(k.in))
		}
	}
}

func (k *variadic) Backward(_ *Run, in, out, dout, din [][]float32) {
	k.in, k.y, k.dy = in, out[0], dout[0]
	for i, dx := range din {
		if dx != nil {
			k.sums[i].run(dx)
		}
	}
}

func (k *variadic) fill(input int) func(g []float32, from, to, row, part int) []float32 {
	return func(g []float32, from, to, row, part int) []float32 {
		if k.share == nil {
			return k.dy[from:to]
		}
		k.share(k, input, g, k.dy[from:to], from, to, row, part)
		return g
	}
}

// firstOfEquals gives dy to the first input that is the output's value.
func firstOfEquals(k *variadic, input int, g, dy []float32, from, to, row, part int) {
	copy(g, dy)
	y, n := k.y[from:to], to-from
	for i := range input + 1 {
		x, step := k.cut(i, k.in[i], row, part, n), k.steps[i]
		for j, v := range y {
			if (x[j*step] == v) != (i == input) {
				g[j] = 0
			}
		}
	}
}
