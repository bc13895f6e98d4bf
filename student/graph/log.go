package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Log is y = log x; dx = dy/x.
func init() {
	registerPointwise("Log", sameShape, func(*Node) *pointwise {
		return ofInput(kernel.Log, kernel.Div)
	})
}
