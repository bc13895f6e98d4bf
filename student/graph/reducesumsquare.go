package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// ReduceSumSquare is y = Σx²; dx = 2·x·dy.
func init() {
	registerReduce("ReduceSumSquare", reduceOp{squares: true, grad: func(dx, dy, x, _ []float32, step int, _ float32) {
		scaled(dx, x, dy, step)
		kernel.MulScalar(dx, dx, 2)
	}})
}
