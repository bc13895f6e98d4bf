package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// AveragePool is y[n,c,oh,ow] = the mean of x over the window of (oh, ow);
// padding counts with count_include_pad. dx is dy/count, added up over windows.
func init() {
	Register(Op{Type: "AveragePool", Layout: ChannelsLast, MinIn: 1, MaxIn: 1, Infer: inferPool, Build: buildAveragePool})
}

type averagePool struct{ *kernel.AveragePool }

func buildAveragePool(b *Build) (Kernel, error) {
	w, err := poolWindow(b)
	if err != nil {
		return nil, err
	}
	return averagePool{kernel.NewAveragePool(w)}, nil
}

func (p averagePool) Forward(_ *Run, in, out [][]float32) { p.AveragePool.Forward(out[0], in[0]) }

// Backward spreads dy evenly over each window.
func (p averagePool) Backward(_ *Run, _, _, dout, din [][]float32) {
	if din[0] != nil {
		p.AveragePool.Backward(din[0], dout[0])
	}
}
