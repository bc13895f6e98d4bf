package graph

func init() {
	registerBinary("Div", binaryOp{
		forward: func(y, a, b []float32, sa, sb int) {
			for i := range y {
				y[i] = a[i*sa] / b[i*sb]
			}
		},
		da: func(g, dy, _, b []float32, _, sb int) {
			for i, v := range dy {
				g[i] = v / b[i*sb]
			}
		},
		// db = −dy·a/b²
		db: func(g, dy, a, b []float32, sa, sb int) {
			for i, v := range dy {
				q := b[i*sb]
				g[i] = -v * a[i*sa] / q / q
			}
		},
	})
}
