package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Softplus is y = log(1+e^x); dx = dy/(1+e^−x).
func init() {
	registerPointwise("Softplus", sameShape, func(*Node) *pointwise {
		return ofInput(kernel.Softplus, kernel.SoftplusBackward)
	})
}
