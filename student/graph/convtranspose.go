package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// ConvTranspose is the gradient of a convolution by its input, as an op.
func init() {
	Register(Op{Type: "ConvTranspose", Layout: ChannelsLast, MinIn: 2, MaxIn: 3, Weights: []int{1, 2}, Infer: inferConvTranspose, Build: buildConvTranspose, MultiplyAdds: convTransposeMultiplyAdds})
}

// transposeWindow is the window of the convolution whose transpose the node
// is: it moves over the node's output, out, and gives the node's input, size.
//
//	out = stride·(size−1) + output_padding + extent − pads
//
// With output_shape the padding follows from it, with auto_pad SAME it makes
// out = stride·size; half of it lies at each end, an odd one's larger half at
// the end with SAME_UPPER and at the beginning otherwise.
func transposeWindow(n *Node) (*window, error) {
	k, err := weightKernel(n)
	if err != nil {
		return nil, err
	}
	w, err := readWindow(n, k)
	if err != nil {
		return nil, err
	}
	first := 2 - w.spatial
	var more, shape [2]int
	if err := readAxes(more[first:], "output_padding", n.Ints("output_padding", make([]int, w.spatial)), 0); err != nil {
		return nil, err
	}
	given := n.Ints("output_shape", nil)
	if given != nil {
		if err := readAxes(shape[first:], "output_shape", given, 1); err != nil {
			return nil, err
		}
	}
	auto := n.String("auto_pad", "NOTSET")
	for i := first; i < 2; i++ {
		full := w.stride[i]*(w.size[i]-1) + more[i] + w.extent(i)
		switch {
		case given != nil:
			w.share(i, max(0, full-shape[i]), auto == "SAME_UPPER")
			w.out[i] = shape[i]
			if most := full + w.stride[i] - 1; shape[i] > most {
				return nil, fmt.Errorf("output_shape is %v, expected at most %d on axis %d: no window reaches further", given, most, w.spatial+i)
			}
			continue
		case auto == "SAME_UPPER" || auto == "SAME_LOWER":
			w.share(i, max(0, full-w.stride[i]*w.size[i]), auto == "SAME_UPPER")
		case auto == "VALID":
			w.begin[i], w.end[i] = 0, 0
		case auto != "NOTSET" && auto != "":
			return nil, badAutoPad(auto)
		}
		if w.out[i] = full - w.begin[i] - w.end[i]; w.out[i] < 1 {
			return nil, fmt.Errorf("padding %d and %d leaves nothing of axis %d, which would have %d", w.begin[i], w.end[i], w.spatial+i, full)
		}
	}
	return w, nil
}

// inferConvTranspose gives (N, M, OH, OW) of x (N, C, H, W) and w (C, M/group,
// KH, KW), or (N, M, OL) of x (N, C, L) and w (C, M/group, K).
func inferConvTranspose(n *Node) ([]Shape, error) {
	win, err := transposeWindow(n)
	if err != nil {
		return nil, err
	}
	x, w, g := n.In[0].Shape, n.In[1].Shape, n.Int("group", 1)
	if g < 1 || x[1] != w[0] || x[1]%g != 0 {
		return nil, fmt.Errorf("input %v and weight %v do not fit group %d", x, w, g)
	}
	if err := vector(n, 2, "bias", w[1]*g); err != nil {
		return nil, err
	}
	if err := win.frames(w[1]*g, w[0], g, win.out, win.size); err != nil {
		return nil, err
	}
	return []Shape{win.outShape(n, w[1]*g)}, nil
}

func convTransposeMultiplyAdds(n *Node) int64 {
	return int64(n.In[0].Shape.Size(1)) * int64(product(n.In[1].Shape[1:]))
}

// convTranspose is the adjoint of the convolution that maps (N, M, OH, OW) to
// (N, C, H, W) by the same weight (Dumoulin and Visin 2016, arXiv 1603.07285,
// chapter 4): forward is that one's gradient by its input.
type convTranspose struct {
	*kernel.Conv
	n, m, area int
	y, b       []float32
	bias       func(lo, hi int)
	sums       *kernel.Columns
	total      [2][]float64
}

func buildConvTranspose(b *Build) (Kernel, error) {
	win, err := transposeWindow(b.Node)
	if err != nil {
		return nil, err
	}
	x, y := b.In(0), b.Out(0)
	c := &convTranspose{n: y[0], m: y[1], area: product(y[2:])}
	c.Conv = kernel.NewConv(kernel.ConvShape{
		N: y[0], C: y[1], H: win.out[0], W: win.out[1],
		M: x[1], KH: win.kernel[0], KW: win.kernel[1],
		OH: win.size[0], OW: win.size[1],
		SH: win.stride[0], SW: win.stride[1], DH: win.dilation[0], DW: win.dilation[1],
		PT: win.begin[0], PL: win.begin[1],
		Groups: b.Node.Int("group", 1),
	}, true)
	b.NeedWork(c.Work())
	c.bias, c.sums = c.addBias, kernel.NewColumns(c.n*c.area, c.m)
	c.total = [2][]float64{make([]float64, c.m), make([]float64, c.m)}
	return c, nil
}

// Forward is y[n,m,h·SH−PT+kh·DH,w·SW−PL+kw·DW] += w[c,m,kh,kw]·x[n,c,h,w],
// from b[m] on.
func (c *convTranspose) Forward(r *Run, in, out [][]float32) {
	// The last but two is not read where no gradient of the weight is wanted.
	c.Conv.Backward(out[0], nil, nil, in[0], out[0], in[1], r.Work)
	if b := optional(in, 2); b != nil {
		c.y, c.b = out[0], b
		kernel.Parallel(c.n*c.area, max(1, kernel.Grain/c.m), c.bias)
	}
}

func (c *convTranspose) addBias(lo, hi int) {
	for p := lo; p < hi; p++ {
		pixel := c.y[p*c.m : (p+1)*c.m]
		kernel.Add(pixel, pixel, c.b)
	}
}

// Backward is dx = the convolution of dy by w, dw = that convolution's weight
// gradient with dy as its input and x as its output's gradient, db = Σdy.
func (c *convTranspose) Backward(r *Run, in, _, dout, din [][]float32) {
	if din[0] != nil {
		c.Conv.Forward(din[0], dout[0], in[1], nil, r.Work)
	}
	if din[1] != nil {
		c.Conv.Backward(nil, din[1], nil, in[0], dout[0], in[1], r.Work)
	}
	if db := optional(din, 2); db != nil {
		c.sums.Moments(dout[0])
		c.sums.Total(c.total[0], c.total[1])
		for m, v := range c.total[0] {
			db[m] = float32(v)
		}
	}
}
