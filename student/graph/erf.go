package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Erf is y = 2/√π·∫₀ˣ e^(−t²) dt; dx = dy·2/√π·e^(−x²).
func init() {
	registerPointwise("Erf", sameShape, func(*Node) *pointwise {
		return ofInput(kernel.Erf, kernel.ErfBackward)
	})
}
