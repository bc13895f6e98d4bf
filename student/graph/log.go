package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Log is y = log x; dx = dy/x.
func init() {
	Register(Op{Type: "Log", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Log, func(dx, dy, x, _ []float32) { kernel.Div(dx, dy, x) }), nil
	}})
}
