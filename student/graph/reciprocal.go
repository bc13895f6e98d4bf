package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Reciprocal is y = 1/x; dx = −dy·y².
func init() {
	registerPointwise("Reciprocal", sameShape, func(*Node) *pointwise {
		return ofOutput(
			func(y, x []float32) { kernel.ScalarDiv(y, x, 1) },
			func(dx, dy, y []float32) { kernel.ReciprocalBackward(dx, dy, y) })
	})
}
