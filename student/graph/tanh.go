package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Tanh is y = (e^x − e^−x)/(e^x + e^−x); dx = dy·(1−y²).
func init() {
	registerPointwise("Tanh", sameShape, func(*Node) *pointwise {
		return ofOutput(kernel.Tanh, kernel.TanhBackward)
	})
}
