package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// LogSoftmax is y = x − max − log Σe^(x−max) along axis; dx = dy − e^y·Σdy.
func init() {
	Register(Op{Type: "LogSoftmax", MinIn: 1, MaxIn: 1, Infer: inferSoftmax, Build: func(b *Build) (Kernel, error) {
		return newSoftmax(b, kernel.LogSoftmax, kernel.LogSoftmaxBackward)
	}})
}
