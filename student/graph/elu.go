package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Elu is y = x for x > 0, else alpha·(e^x − 1) (Clevert et al. 2015, arXiv
// 1511.07289); dx = dy, else dy·alpha·e^x.
func init() {
	Register(Op{Type: "Elu", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(b *Build) (Kernel, error) {
		alpha := float64(b.Node.Float("alpha", 1))
		return newPointwise(
			func(y, x []float32) { kernel.Elu(y, x, 1, alpha, 1) },
			func(dx, dy, x, _ []float32) { kernel.EluBackward(dx, dy, x, 1, alpha, 1) }), nil
	}})
}
