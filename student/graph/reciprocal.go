package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Reciprocal is y = 1/x; dx = −dy·y².
func init() {
	Register(Op{Type: "Reciprocal", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(
			func(y, x []float32) { kernel.ScalarDiv(y, x, 1) },
			func(dx, dy, _, y []float32) { kernel.ReciprocalBackward(dx, dy, y) }), nil
	}})
}
