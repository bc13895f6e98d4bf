package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Softplus is y = log(1+e^x); dx = dy/(1+e^−x).
func init() {
	Register(Op{Type: "Softplus", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Softplus, func(dx, dy, x, _ []float32) { kernel.SoftplusBackward(dx, dy, x) }), nil
	}})
}
