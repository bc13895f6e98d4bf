package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Relu is y = max(x, 0); dx = dy where y > 0, else 0.
func init() {
	registerPointwise("Relu", sameShape, func(*Node) *pointwise {
		return ofOutput(kernel.Relu, kernel.ReluBackward)
	})
}
