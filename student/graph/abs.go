package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Abs is y = |x|; dx = dy·sign(x), 0 at 0.
func init() {
	registerPointwise("Abs", sameShape, func(*Node) *pointwise {
		return ofInput(kernel.Abs, kernel.AbsBackward)
	})
}
