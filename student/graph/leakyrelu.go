package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// LeakyRelu is y = x for x ≥ 0, else alpha·x; dx = dy, else alpha·dy.
func init() {
	registerPointwise("LeakyRelu", sameShape, func(n *Node) *pointwise {
		alpha := n.Float("alpha", 0.01)
		return ofInput(
			func(y, x []float32) { kernel.LeakyRelu(y, x, alpha) },
			func(dx, dy, x []float32) { kernel.LeakyReluBackward(dx, dy, x, alpha) })
	})
}
