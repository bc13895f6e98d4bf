package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Sin is y = sin x; dx = dy·cos x.
func init() {
	Register(Op{Type: "Sin", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Sin, func(dx, dy, x, _ []float32) { kernel.SinBackward(dx, dy, x) }), nil
	}})
}
