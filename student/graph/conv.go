package graph

import (
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Conv is y[n,m] = b[m] + Σ over c of x[n,c] ⋆ w[m,c], the correlation of
// images with windows, for each group of channels; dx = the full convolution
// of dy by w, dw = x ⋆ dy, db = Σdy (Dumoulin and Visin 2016, arXiv 1603.07285).
func init() {
	Register(Op{Type: "Conv", Layout: ChannelsLast, MinIn: 2, MaxIn: 3, Weights: []int{1, 2}, Infer: inferConv, Build: buildConv, MultiplyAdds: convMultiplyAdds})
}

// weightKernel is the kernel_shape of a weight (M, C/group, KH, KW) or
// (M, C/group, K), which an attribute may repeat.
func weightKernel(n *Node) ([]int, error) {
	x, w := n.In[0].Shape, n.In[1].Shape
	if len(w) < 3 || len(w) != len(x) || slices.Min(w) < 1 {
		return nil, fmt.Errorf("weight is %v of input %v, expected two axes of channels and those of the window", w, x)
	}
	if k := n.Ints("kernel_shape", w[2:]); !slices.Equal(k, w[2:]) {
		return nil, fmt.Errorf("kernel_shape is %v, expected that of the weight %v", k, w)
	}
	return w[2:], nil
}

func convWindow(n *Node) (*window, error) {
	k, err := weightKernel(n)
	if err != nil {
		return nil, err
	}
	return newWindow(n, k)
}

// inferConv gives (N, M, OH, OW) of x (N, C, H, W) and w (M, C/group, KH, KW),
// or (N, M, OL) of x (N, C, L) and w (M, C/group, K).
func inferConv(n *Node) ([]Shape, error) {
	win, err := convWindow(n)
	if err != nil {
		return nil, err
	}
	x, w, g := n.In[0].Shape, n.In[1].Shape, n.Int("group", 1)
	if g < 1 || x[1]%g != 0 || w[0]%g != 0 || x[1]/g != w[1] {
		return nil, fmt.Errorf("input %v and weight %v do not fit group %d", x, w, g)
	}
	if err := vector(n, 2, "bias", w[0]); err != nil {
		return nil, err
	}
	if err := win.frames(x[1], w[0], g, win.size, win.out); err != nil {
		return nil, err
	}
	return []Shape{win.outShape(n, w[0])}, nil
}

// vector checks that input i, when it is there, is of shape (size).
func vector(n *Node, i int, name string, size int) error {
	if !n.Has(i) {
		return nil
	}
	if s := n.In[i].Shape; len(s) != 1 || s[0] != size {
		return fmt.Errorf("%s is %v, expected (%d)", name, s, size)
	}
	return nil
}

func convMultiplyAdds(n *Node) int64 {
	return int64(n.Out[0].Shape.Size(1)) * int64(product(n.In[1].Shape[1:]))
}

// conv is the convolution of kernel.Conv.
type conv struct{ *kernel.Conv }

func buildConv(b *Build) (Kernel, error) {
	win, err := convWindow(b.Node)
	if err != nil {
		return nil, err
	}
	c := conv{kernel.NewConv(kernel.ConvShape{
		N: b.In(0)[0], C: b.In(0)[1], H: win.size[0], W: win.size[1],
		M: b.In(1)[0], KH: win.kernel[0], KW: win.kernel[1],
		OH: win.out[0], OW: win.out[1],
		SH: win.stride[0], SW: win.stride[1], DH: win.dilation[0], DW: win.dilation[1],
		PT: win.begin[0], PL: win.begin[1],
		Groups: b.Node.Int("group", 1),
	}, b.Training)}
	b.NeedWork(c.Work())
	return c, nil
}

func optional(list [][]float32, i int) []float32 {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func (c conv) Forward(r *Run, in, out [][]float32) {
	c.Conv.Forward(out[0], in[0], in[1], optional(in, 2), r.Work)
}

func (c conv) Backward(r *Run, in, _, dout, din [][]float32) {
	c.Conv.Backward(din[0], din[1], optional(din, 2), dout[0], in[0], in[1], r.Work)
}
