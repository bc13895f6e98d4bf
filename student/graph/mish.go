package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Mish is y = x·t, t = tanh(log(1+e^x)); dx = dy·(t + x·(1−t²)/(1+e^−x)).
func init() {
	Register(Op{Type: "Mish", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 1, Infer: sameShape, Build: func(*Build) (Kernel, error) {
		return newPointwise(kernel.Mish, func(dx, dy, x, _ []float32) { kernel.MishBackward(dx, dy, x) }), nil
	}})
}
