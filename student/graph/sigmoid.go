package graph

import "github.com/kdonnx/kdonnx/student/kernel"

func init() {
	Register(Op{Type: "Sigmoid", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Sigmoid, func(dx, dy, _, y []float32) { kernel.SigmoidBackward(dx, dy, y) }), nil
	}})
}
