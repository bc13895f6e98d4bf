package graph

import "github.com/kdonnx/kdonnx/student/kernel"

func init() {
	Register(Op{Type: "LeakyRelu", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(b *Build) (Kernel, error) {
		alpha := b.Node.Float("alpha", 0.01)
		return newPointwise(
			func(y, x []float32) { kernel.LeakyRelu(y, x, alpha) },
			func(dx, dy, x, _ []float32) { kernel.LeakyReluBackward(dx, dy, x, alpha) }), nil
	}})
}
