package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

func init() {
	Register(Op{Type: "MaxPool", MinIn: 1, MaxIn: 1, Infer: inferPool, Build: buildMaxPool})
}

// inferPool gives (N, C, OH, OW).
func inferPool(n *Node) ([]Shape, error) {
	w, err := newWindow(n, n.Ints("kernel_shape", nil))
	if err != nil {
		return nil, err
	}
	for i := range 2 {
		if extent := (w.kernel[i]-1)*w.dilation[i] + 1; w.begin[i] >= extent || w.end[i] >= extent {
			return nil, fmt.Errorf("padding %d and %d is not smaller than the window of %d", w.begin[i], w.end[i], extent)
		}
	}
	x := n.In[0].Shape
	return []Shape{{x[0], x[1], w.out[0], w.out[1]}}, nil
}

func poolWindow(b *Build) (kernel.Window, error) {
	w, err := newWindow(b.Node, b.Node.Ints("kernel_shape", nil))
	if err != nil {
		return kernel.Window{}, err
	}
	x := b.In(0)
	return kernel.Window{
		Planes: x[0] * x[1], H: x[2], W: x[3], OH: w.out[0], OW: w.out[1],
		KH: w.kernel[0], KW: w.kernel[1], SH: w.stride[0], SW: w.stride[1],
		PT: w.begin[0], PL: w.begin[1], PB: w.end[0], PR: w.end[1],
		DH: w.dilation[0], DW: w.dilation[1],
		CountPad: b.Node.Int("count_include_pad", 0) != 0,
	}, nil
}

type maxPool struct{ *kernel.MaxPool }

func buildMaxPool(b *Build) (Kernel, error) {
	w, err := poolWindow(b)
	if err != nil {
		return nil, err
	}
	return maxPool{kernel.NewMaxPool(w, b.Training)}, nil
}

func (p maxPool) Forward(_ *Run, in, out [][]float32) { p.MaxPool.Forward(out[0], in[0]) }

// Backward sends dy to the first largest value of each window.
func (p maxPool) Backward(_ *Run, _, _, dout, din [][]float32) {
	if din[0] != nil {
		p.MaxPool.Backward(din[0], dout[0])
	}
}
