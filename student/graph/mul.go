package graph

import "github.com/kdonnx/kdonnx/student/kernel"

func init() {
	registerBinary("Mul", binaryOp{
		forward: func(y, a, b []float32, sa, sb int) {
			if sa == 1 && sb == 1 {
				kernel.Mul(y, a, b)
				return
			}
			for i := range y {
				y[i] = a[i*sa] * b[i*sb]
			}
		},
		da: func(g, dy, _, b []float32, _, sb int) {
			for i, v := range dy {
				g[i] = v * b[i*sb]
			}
		},
		db: func(g, dy, a, _ []float32, sa, _ int) {
			for i, v := range dy {
				g[i] = v * a[i*sa]
			}
		},
	})
}
