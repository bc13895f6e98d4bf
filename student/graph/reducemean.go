package graph

// ReduceMean is y = Σx/n of n values; dx = dy/n.
func init() {
	registerReduce("ReduceMean", reduceOp{finish: func(sum, n float64) float64 { return sum / n }, grad: spread})
}
