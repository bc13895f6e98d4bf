package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// ThresholdedRelu is y = x where x > alpha, else 0; dx = dy there.
func init() {
	Register(Op{Type: "ThresholdedRelu", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(b *Build) (Kernel, error) {
		alpha := b.Node.Float("alpha", 1)
		return newPointwise(
			func(y, x []float32) { kernel.Threshold(y, x, alpha) },
			func(dx, dy, x, _ []float32) { kernel.ThresholdBackward(dx, dy, x, alpha) }), nil
	}})
}
