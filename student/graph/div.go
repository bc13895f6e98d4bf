package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Div is y = a/b; da = dy/b, db = −dy·a/b².
func init() {
	registerBinary("Div", inferBinary, binaryOp{
		forward: rows(kernel.Div, kernel.DivScalar, kernel.ScalarDiv),
		da:      func(g, dy, _, b []float32, _, sb int) { divided(g, dy, b, sb) },
		db: func(g, dy, a, b []float32, sa, sb int) {
			if sa == 1 && sb == 1 {
				kernel.DivBackward(g, dy, a, b)
				return
			}
			scaled(g, dy, a, sa)
			divided(g, g, b, sb)
			divided(g, g, b, sb)
			kernel.MulScalar(g, g, -1)
		},
	})
}
