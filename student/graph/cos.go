package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Cos is y = cos x; dx = −dy·sin x.
func init() {
	registerPointwise("Cos", sameShape, func(*Node) *pointwise {
		return ofInput(kernel.Cos, kernel.CosBackward)
	})
}
