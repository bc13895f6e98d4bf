package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Softmax is y = e^(x−max)/Σe^(x−max) along axis; dx = y·(dy − Σ dy·y).
func init() {
	Register(Op{Type: "Softmax", MinIn: 1, MaxIn: 1, Infer: inferSoftmax, Build: func(b *Build) (Kernel, error) {
		return newLines(b, kernel.Softmax, kernel.SoftmaxBackward)
	}})
}

// softmaxLines says along which lines of x sums run: n values stride apart.
// Since opset 13 along one axis; before, over all axes from axis on together.
func softmaxLines(n *Node) (from, to int, err error) {
	x := n.In[0].Shape
	if n.Opset >= 13 {
		a, err := axis(n.Int("axis", -1), len(x), false)
		return a, a + 1, err
	}
	a, err := axis(n.Int("axis", 1), len(x), false)
	return a, len(x), err
}

func inferSoftmax(n *Node) ([]Shape, error) {
	from, to, err := softmaxLines(n)
	if err != nil {
		return nil, err
	}
	for _, d := range n.In[0].Shape[from:to] {
		if d < 0 {
			return nil, fmt.Errorf("axis %d of %v mixes the rows of the batch", from, n.In[0].Shape)
		}
	}
	return sameShape(n)
}

// lines is the kernel of an op that treats each line of values by itself.
type lines struct {
	count, n, stride int
	x, y, dx, dy     []float32
	fwd, bwd         func(lo, hi int)
}

func newLines(b *Build, forward func(y, x []float32, off, n, stride int), backward func(dx, dy, y []float32, off, n, stride int)) (Kernel, error) {
	from, to, err := softmaxLines(b.Node)
	if err != nil {
		return nil, err
	}
	x := b.In(0)
	l := &lines{n: product(x[from:to]), stride: product(x[to:])}
	l.count = product(x) / l.n
	start := func(i int) int { return i/l.stride*l.n*l.stride + i%l.stride }
	l.fwd = func(lo, hi int) {
		for i := lo; i < hi; i++ {
			forward(l.y, l.x, start(i), l.n, l.stride)
		}
	}
	l.bwd = func(lo, hi int) {
		for i := lo; i < hi; i++ {
			backward(l.dx, l.dy, l.y, start(i), l.n, l.stride)
		}
	}
	return l, nil
}

func (l *lines) Forward(_ *Run, in, out [][]float32) {
	l.x, l.y = in[0], out[0]
	kernel.Parallel(l.count, max(1, 1024/l.n), l.fwd)
}

func (l *lines) Backward(_ *Run, _, out, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	l.y, l.dy, l.dx = out[0], dout[0], din[0]
	kernel.Parallel(l.count, max(1, 1024/l.n), l.bwd)
}
