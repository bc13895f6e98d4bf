package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// MaxPool is y[n,c,oh,ow] = the largest x in the window of (oh, ow), padding
// left out; dx is dy at the first largest value.
func init() {
	Register(Op{Type: "MaxPool", Layout: ChannelsLast, MinIn: 1, MaxIn: 1, Infer: inferPool, Build: buildMaxPool})
}

func buildMaxPool(b *Build) (Kernel, error) {
	w, err := poolWindow(b)
	if err != nil {
		return nil, err
	}
	return unary{kernel.NewMaxPool(w)}, nil
}
