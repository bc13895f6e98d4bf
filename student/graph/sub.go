package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Sub is y = a − b; da = dy, db = −dy.
func init() {
	registerBinary("Sub", inferBinary, binaryOp{
		forward: rows(kernel.Sub, func(y, a []float32, b float32) { kernel.AddScalar(y, a, -b) }, kernel.ScalarSub),
		db:      func(g, dy, _, _ []float32, _, _ int) { kernel.MulScalar(g, dy, -1) },
	})
}
