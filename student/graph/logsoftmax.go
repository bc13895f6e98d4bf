package graph

import "github.com/kdonnx/kdonnx/student/kernel"

func init() {
	Register(Op{Type: "LogSoftmax", MinIn: 1, MaxIn: 1, Infer: inferSoftmax, Build: func(b *Build) (Kernel, error) {
		return newLines(b, kernel.LogSoftmax, kernel.LogSoftmaxBackward)
	}})
}
