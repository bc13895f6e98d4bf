package graph

import "github.com/kdonnx/kdonnx/student/kernel"

func init() {
	Register(Op{Type: "Tanh", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Tanh, func(dx, dy, _, y []float32) { kernel.TanhBackward(dx, dy, y) }), nil
	}})
}
