package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Celu is y = x for x > 0, else alpha·(e^(x/alpha) − 1) (Barron 2017, arXiv
// 1704.07483); dx = dy, else dy·e^(x/alpha).
func init() {
	Register(Op{Type: "Celu", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: inferCelu, Build: func(b *Build) (Kernel, error) {
		alpha := float64(b.Node.Float("alpha", 1))
		return newPointwise(
			func(y, x []float32) { kernel.Elu(y, x, 1, alpha, 1/alpha) },
			func(dx, dy, x, _ []float32) { kernel.EluBackward(dx, dy, x, 1, alpha, 1/alpha) }), nil
	}})
}

func inferCelu(n *Node) ([]Shape, error) {
	if n.Float("alpha", 1) == 0 {
		return nil, fmt.Errorf("alpha is 0, expected another number")
	}
	return sameShape(n)
}
