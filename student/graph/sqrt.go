package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Sqrt is y = √x; dx = ½·dy/y.
func init() {
	registerPointwise("Sqrt", sameShape, func(*Node) *pointwise {
		return ofOutput(kernel.Sqrt, kernel.SqrtBackward)
	})
}
