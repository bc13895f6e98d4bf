package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// addRows is y = a + b.
var addRows = rows(kernel.Add, kernel.AddScalar, kernel.AddScalar)

// Add is y = a + b; da = db = dy.
func init() {
	registerBinary("Add", inferBinary, binaryOp{forward: addRows})
}
