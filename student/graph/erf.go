package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Erf is y = 2/√π·∫₀ˣ e^(−t²) dt; dx = dy·2/√π·e^(−x²).
func init() {
	Register(Op{Type: "Erf", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Erf, func(dx, dy, x, _ []float32) { kernel.ErfBackward(dx, dy, x) }), nil
	}})
}
