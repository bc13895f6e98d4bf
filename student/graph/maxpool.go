package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// MaxPool is y[n,c,oh,ow] = the largest x in the window of (oh, ow), padding
// left out; dx is dy at the first largest value.
func init() {
	Register(Op{Type: "MaxPool", Layout: ChannelsLast, MinIn: 1, MaxIn: 1, Infer: inferPool, Build: buildMaxPool})
}

type maxPool struct{ *kernel.MaxPool }

func buildMaxPool(b *Build) (Kernel, error) {
	w, err := poolWindow(b)
	if err != nil {
		return nil, err
	}
	return maxPool{kernel.NewMaxPool(w)}, nil
}

func (p maxPool) Forward(_ *Run, in, out [][]float32) { p.MaxPool.Forward(out[0], in[0]) }

// Backward sends dy to the first largest value of each window.
func (p maxPool) Backward(_ *Run, _, _, dout, din [][]float32) {
	if din[0] != nil {
		p.MaxPool.Backward(din[0], dout[0])
	}
}
