package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// LpNormalization is y = x/‖x‖ₚ along axis, p being 1 or 2, and 0 where the
// norm is 0; kernel.LpNormalizeBackward has the gradient.
func init() {
	Register(Op{Type: "LpNormalization", MinIn: 1, MaxIn: 1, Infer: inferLpNorm, Build: buildLpNorm})
}

func inferLpNorm(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	a, err := axis(n.Int("axis", -1), len(x), false)
	if err != nil {
		return nil, err
	}
	if x[a] < 0 {
		return nil, fmt.Errorf("axis %d of %v mixes the rows of the batch", a, x)
	}
	if p := n.Int("p", 2); p != 1 && p != 2 {
		return nil, fmt.Errorf("p is %d, expected 1 or 2", p)
	}
	return sameShape(n)
}

func buildLpNorm(b *Build) (Kernel, error) {
	x, p := b.In(0), b.Node.Int("p", 2)
	a, err := axis(b.Node.Int("axis", -1), len(x), false)
	if err != nil {
		return nil, err
	}
	norms := make([]float64, product(x)/x[a]) // by line, of the last forward
	return newLines(x, a, a+1,
		func(l *lines, i, off int) { norms[i] = kernel.LpNormalize(l.y, l.x, off, l.n, l.stride, p) },
		func(l *lines, i, off int) {
			kernel.LpNormalizeBackward(l.dx, l.dy, l.y, off, l.n, l.stride, p, norms[i])
		}), nil
}
