package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Softsign is y = x/(1+|x|); dx = dy/(1+|x|)².
func init() {
	Register(Op{Type: "Softsign", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Softsign, func(dx, dy, x, _ []float32) { kernel.SoftsignBackward(dx, dy, x) }), nil
	}})
}
