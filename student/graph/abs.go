package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Abs is y = |x|; dx = dy·sign(x), 0 at 0.
func init() {
	Register(Op{Type: "Abs", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Abs, func(dx, dy, x, _ []float32) { kernel.AbsBackward(dx, dy, x) }), nil
	}})
}
