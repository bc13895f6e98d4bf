package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Sin is y = sin x; dx = dy·cos x.
func init() {
	registerPointwise("Sin", sameShape, func(*Node) *pointwise {
		return ofInput(kernel.Sin, kernel.SinBackward)
	})
}
