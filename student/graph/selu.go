package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Selu is y = gamma·x for x > 0, else gamma·alpha·(e^x − 1) (Klambauer et al.
// 2017, arXiv 1706.02515); dx = dy·gamma, else dy·gamma·alpha·e^x.
func init() {
	registerPointwise("Selu", sameShape, func(n *Node) *pointwise {
		alpha := float64(n.Float("alpha", 1.67326319217681884765625))
		gamma := float64(n.Float("gamma", 1.05070102214813232421875))
		return ofInput(
			func(y, x []float32) { kernel.Elu(y, x, gamma, gamma*alpha, 1) },
			func(dx, dy, x []float32) { kernel.EluBackward(dx, dy, x, gamma, gamma*alpha, 1) })
	})
}
