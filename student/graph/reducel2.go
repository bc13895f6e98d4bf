package graph

import "math"

// ReduceL2 is y = √Σx²; dx = dy·x/y, and 0 where y is 0.
func init() {
	registerReduce("ReduceL2", reduceOp{
		squares: true,
		finish:  func(sum, _ float64) float64 { return math.Sqrt(sum) },
		grad: func(dx, dy, x, y []float32, step int, _ float32) {
			for i, v := range x {
				dx[i] = 0
				if n := y[i*step]; n != 0 {
					dx[i] = float32(v/n) * dy[i*step]
				}
			}
		},
	})
}
