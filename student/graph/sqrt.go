package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Sqrt is y = √x; dx = ½·dy/y.
func init() {
	Register(Op{Type: "Sqrt", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Sqrt, func(dx, dy, _, y []float32) { kernel.SqrtBackward(dx, dy, y) }), nil
	}})
}
