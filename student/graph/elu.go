package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Elu is y = x for x > 0, else alpha·(e^x − 1) (Clevert et al. 2015, arXiv
// 1511.07289); dx = dy, else dy·alpha·e^x.
func init() {
	registerPointwise("Elu", sameShape, func(n *Node) *pointwise {
		alpha := float64(n.Float("alpha", 1))
		return ofInput(
			func(y, x []float32) { kernel.Elu(y, x, 1, alpha, 1) },
			func(dx, dy, x []float32) { kernel.EluBackward(dx, dy, x, 1, alpha, 1) })
	})
}
