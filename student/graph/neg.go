package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Neg is y = −x; dx = −dy.
func init() {
	registerPointwise("Neg", sameShape, func(*Node) *pointwise {
		return ofInput(
			func(y, x []float32) { kernel.MulScalar(y, x, -1) },
			func(dx, dy, _ []float32) { kernel.MulScalar(dx, dy, -1) })
	})
}
