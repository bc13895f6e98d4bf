package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Mul is y = a·b; da = dy·b, db = dy·a.
func init() {
	registerBinary("Mul", inferBinary, binaryOp{forward: rows(kernel.Mul, kernel.MulScalar, kernel.MulScalar), da: timesB, db: timesA})
}
