package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Cos is y = cos x; dx = −dy·sin x.
func init() {
	Register(Op{Type: "Cos", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Cos, func(dx, dy, x, _ []float32) { kernel.CosBackward(dx, dy, x) }), nil
	}})
}
