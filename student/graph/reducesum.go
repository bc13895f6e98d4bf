package graph

// ReduceSum is y = Σx; dx = dy.
func init() {
	registerReduce("ReduceSum", reduceOp{grad: func(dx, dy, x, y []float32, step int, _ float32) { spread(dx, dy, x, y, step, 1) }})
}
