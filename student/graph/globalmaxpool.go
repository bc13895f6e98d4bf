package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// GlobalMaxPool is y[n,c] = the largest of x[n,c]; dx is dy there.
func init() {
	Register(Op{Type: "GlobalMaxPool", Layout: ChannelsLast, MinIn: 1, MaxIn: 1, Infer: inferGlobalPool, Build: buildGlobalMaxPool})
}

// buildGlobalMaxPool is a MaxPool whose one window is the plane, laid out as
// a row: y[n,c] = max of x[n,c].
func buildGlobalMaxPool(b *Build) (Kernel, error) {
	x := b.In(0)
	area := product(x[2:])
	return unary{kernel.NewMaxPool(kernel.Window{
		N: x[0], C: x[1], H: 1, W: area, OH: 1, OW: 1,
		KH: 1, KW: area, SH: 1, SW: 1, DH: 1, DW: 1,
	})}, nil
}
