package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// ThresholdedRelu is y = x where x > alpha, else 0; dx = dy there.
func init() {
	registerPointwise("ThresholdedRelu", sameShape, func(n *Node) *pointwise {
		alpha := n.Float("alpha", 1)
		return ofInput(
			func(y, x []float32) { kernel.Threshold(y, x, alpha) },
			func(dx, dy, x []float32) { kernel.ThresholdBackward(dx, dy, x, alpha) })
	})
}
