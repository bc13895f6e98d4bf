package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Celu is y = x for x > 0, else alpha·(e^(x/alpha) − 1) (Barron 2017, arXiv
// 1704.07483); dx = dy, else dy·e^(x/alpha).
func init() {
	registerPointwise("Celu", inferCelu, func(n *Node) *pointwise {
		alpha := float64(n.Float("alpha", 1))
		return ofInput(
			func(y, x []float32) { kernel.Elu(y, x, 1, alpha, 1/alpha) },
			func(dx, dy, x []float32) { kernel.EluBackward(dx, dy, x, 1, alpha, 1/alpha) })
	})
}

func inferCelu(n *Node) ([]Shape, error) {
	if n.Float("alpha", 1) == 0 {
		return nil, fmt.Errorf("alpha is 0, expected another number")
	}
	return sameShape(n)
}
