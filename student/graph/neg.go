package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Neg is y = −x; dx = −dy.
func init() {
	Register(Op{Type: "Neg", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(
			func(y, x []float32) { kernel.MulScalar(y, x, -1) },
			func(dx, dy, _, _ []float32) { kernel.MulScalar(dx, dy, -1) }), nil
	}})
}
