package graph

func init() {
	registerBinary("Sub", binaryOp{
		forward: func(y, a, b []float32, sa, sb int) {
			for i := range y {
				y[i] = a[i*sa] - b[i*sb]
			}
		},
		da: passGrad,
		db: func(g, dy, _, _ []float32, _, _ int) {
			for i, v := range dy {
				g[i] = -v
			}
		},
	})
}
