package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Softmax is y = e^(x−max)/Σe^(x−max) along axis; dx = y·(dy − Σ dy·y).
func init() {
	Register(Op{Type: "Softmax", MinIn: 1, MaxIn: 1, Infer: inferSoftmax, Build: func(b *Build) (Kernel, error) {
		return newSoftmax(b, kernel.Softmax, kernel.SoftmaxBackward)
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

func newSoftmax(b *Build, forward func(y, x []float32, off, n, stride int), backward func(dx, dy, y []float32, off, n, stride int)) (Kernel, error) {
	from, to, err := softmaxLines(b.Node)
	if err != nil {
		return nil, err
	}
	return newLines(b.In(0), from, to,
		func(l *lines, _, off int) { forward(l.y, l.x, off, l.n, l.stride) },
		func(l *lines, _, off int) { backward(l.dx, l.dy, l.y, off, l.n, l.stride) }), nil
}
