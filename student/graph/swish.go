package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Swish is y = x·s, s = 1/(1+e^−alpha·x) (Ramachandran et al. 2017, arXiv
// 1710.05941); dx = dy·(s + alpha·x·s·(1−s)).
func init() {
	registerPointwise("Swish", sameShape, func(n *Node) *pointwise {
		alpha := n.Float("alpha", 1)
		return ofInput(
			func(y, x []float32) { kernel.Swish(y, x, alpha) },
			func(dx, dy, x []float32) { kernel.SwishBackward(dx, dy, x, alpha) })
	})
}
