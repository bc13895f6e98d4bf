package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Mish is y = x·t, t = tanh(log(1+e^x)); dx = dy·(t + x·(1−t²)/(1+e^−x)).
func init() {
	registerPointwise("Mish", sameShape, func(*Node) *pointwise {
		return ofInput(kernel.Mish, kernel.MishBackward)
	})
}
