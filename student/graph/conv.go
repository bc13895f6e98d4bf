package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

func init() {
	Register(Op{Type: "Conv", MinIn: 2, MaxIn: 3, Infer: inferConv, Build: buildConv, MultiplyAdds: convMultiplyAdds})
}

func convWindow(n *Node) (*window, error) {
	w := n.In[1].Shape
	if len(w) != 4 || w[0] < 1 || w[1] < 1 || w[2] < 1 || w[3] < 1 {
		return nil, fmt.Errorf("weight is %v, expected (M, C/group, KH, KW)", w)
	}
	k := n.Ints("kernel_shape", []int{w[2], w[3]})
	if len(k) != 2 || k[0] != w[2] || k[1] != w[3] {
		return nil, fmt.Errorf("kernel_shape is %v, expected that of the weight %v", k, w)
	}
	return newWindow(n, k)
}

// inferConv gives (N, M, OH, OW) of x (N, C, H, W) and w (M, C/group, KH, KW).
func inferConv(n *Node) ([]Shape, error) {
	win, err := convWindow(n)
	if err != nil {
		return nil, err
	}
	x, w, g := n.In[0].Shape, n.In[1].Shape, n.Int("group", 1)
	if g < 1 || x[1]%g != 0 || w[0]%g != 0 || x[1]/g != w[1] {
		return nil, fmt.Errorf("input %v and weight %v do not fit group %d", x, w, g)
	}
	if n.Has(2) {
		if b := n.In[2].Shape; len(b) != 1 || b[0] != w[0] {
			return nil, fmt.Errorf("bias is %v, expected (%d)", b, w[0])
		}
	}
	return []Shape{{x[0], w[0], win.out[0], win.out[1]}}, nil
}

func convMultiplyAdds(n *Node) int64 {
	w := n.In[1].Shape
	return int64(n.Out[0].Shape.Size(1)) * int64(w[1]*w[2]*w[3])
}

// conv is the convolution of kernel.Conv.
type conv struct{ *kernel.Conv }

func buildConv(b *Build) (Kernel, error) {
	win, err := convWindow(b.Node)
	if err != nil {
		return nil, err
	}
	x, w := b.In(0), b.In(1)
	c := conv{kernel.NewConv(kernel.ConvShape{
		N: x[0], C: x[1], H: x[2], W: x[3],
		M: w[0], KH: w[2], KW: w[3],
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
