package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// HardSigmoid is y = min(max(alpha·x + beta, 0), 1); dx = alpha·dy where
// 0 < y < 1, else 0.
func init() {
	registerPointwise("HardSigmoid", sameShape, func(n *Node) *pointwise {
		alpha, beta := n.Float("alpha", 0.2), n.Float("beta", 0.5)
		return ofOutput(
			func(y, x []float32) { kernel.HardSigmoid(y, x, alpha, beta) },
			func(dx, dy, y []float32) { kernel.HardSigmoidBackward(dx, dy, y, alpha) })
	})
}
