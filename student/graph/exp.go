package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Exp is y = e^x; dx = dy·y.
func init() {
	registerPointwise("Exp", sameShape, func(*Node) *pointwise {
		return ofOutput(kernel.Exp, kernel.Mul)
	})
}
