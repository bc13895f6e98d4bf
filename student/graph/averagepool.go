package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// AveragePool is y[n,c,oh,ow] = the mean of x over the window of (oh, ow);
// padding counts with count_include_pad. dx is dy/count, added up over windows.
func init() {
	Register(Op{Type: "AveragePool", Layout: ChannelsLast, MinIn: 1, MaxIn: 1, Infer: inferPool, Build: buildAveragePool})
}

func buildAveragePool(b *Build) (Kernel, error) {
	w, err := poolWindow(b)
	if err != nil {
		return nil, err
	}
	return unary{kernel.NewAveragePool(w)}, nil
}
