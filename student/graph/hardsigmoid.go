package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// HardSigmoid is y = min(max(alpha·x + beta, 0), 1); dx = alpha·dy where
// 0 < y < 1, else 0.
func init() {
	Register(Op{Type: "HardSigmoid", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(b *Build) (Kernel, error) {
		alpha, beta := b.Node.Float("alpha", 0.2), b.Node.Float("beta", 0.5)
		return newPointwise(
			func(y, x []float32) { kernel.HardSigmoid(y, x, alpha, beta) },
			func(dx, dy, _, y []float32) { kernel.HardSigmoidBackward(dx, dy, y, alpha) }), nil
	}})
}
