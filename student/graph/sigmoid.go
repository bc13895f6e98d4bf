package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Sigmoid is y = 1/(1+e^−x); dx = dy·y·(1−y).
func init() {
	registerPointwise("Sigmoid", sameShape, func(*Node) *pointwise {
		return ofOutput(kernel.Sigmoid, kernel.SigmoidBackward)
	})
}
