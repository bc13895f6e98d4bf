package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Softsign is y = x/(1+|x|); dx = dy/(1+|x|)².
func init() {
	registerPointwise("Softsign", sameShape, func(*Node) *pointwise {
		return ofInput(kernel.Softsign, kernel.SoftsignBackward)
	})
}
