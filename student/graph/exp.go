package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Exp is y = e^x; dx = dy·y.
func init() {
	Register(Op{Type: "Exp", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Exp, func(dx, dy, _, y []float32) { kernel.Mul(dx, dy, y) }), nil
	}})
}
