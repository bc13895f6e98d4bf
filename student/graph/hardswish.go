package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// HardSwish is y = x·t, t = min(max(x/6 + ½, 0), 1) (Howard et al. 2019, arXiv
// 1905.02244); dx = dy·(t + x/6) where 0 < t < 1, dy above and 0 below.
func init() {
	registerPointwise("HardSwish", sameShape, func(*Node) *pointwise {
		const alpha = 1.0 / 6
		return ofInput(
			func(y, x []float32) { kernel.HardSwish(y, x, alpha, 0.5) },
			func(dx, dy, x []float32) { kernel.HardSwishBackward(dx, dy, x, alpha, 0.5) })
	})
}
