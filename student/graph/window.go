package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// window is what convolution and pooling share: how a kernel moves over
// (H, W). Over (N, C, L) it is one of height 1 over (N, C, 1, L).
type window struct {
	spatial                  int // 1 or 2 axes; with 1, index 0 stands for H = 1
	size                     [2]int
	kernel, stride, dilation [2]int
	begin, end               [2]int // padding
	out                      [2]int
}

// maxWindow bounds the attributes of a window, so that no sum overflows.
const maxWindow = 1 << 20

// readWindow reads strides, dilations and pads of a node whose input is
// (N, C, L) or (N, C, H, W).
func readWindow(n *Node, kernel []int) (*window, error) {
	x := n.In[0].Shape
	if len(x) < 3 || len(x) > 4 {
		return nil, fmt.Errorf("input is %v, expected (N, C, L) or (N, C, H, W): a student has 1-D and 2-D windows only", x)
	}
	if x[0] >= 0 || x[1] < 0 || slices.Min(x[2:]) < 0 {
		return nil, fmt.Errorf("input is %v, expected the batch axis first", x)
	}
	k := len(x) - 2
	w := &window{
		spatial: k, size: [2]int{1, 1}, out: [2]int{1, 1},
		kernel: [2]int{1, 1}, stride: [2]int{1, 1}, dilation: [2]int{1, 1},
	}
	copy(w.size[2-k:], x[2:])
	ones := []int{1, 1}[:k]
	pads := make([]int, 2*k)
	if err := readAxes(pads, "pads", n.Ints("pads", pads), 0); err != nil {
		return nil, err
	}
	copy(w.begin[2-k:], pads[:k])
	copy(w.end[2-k:], pads[k:])
	for _, a := range []struct {
		name string
		vals []int
		min  int
		dst  []int
	}{
		{"kernel_shape", kernel, 1, w.kernel[2-k:]},
		{"strides", n.Ints("strides", ones), 1, w.stride[2-k:]},
		{"dilations", n.Ints("dilations", ones), 1, w.dilation[2-k:]},
	} {
		if err := readAxes(a.dst, a.name, a.vals, a.min); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// readAxes copies one number an axis, each from least to maxWindow.
func readAxes(dst []int, name string, vals []int, least int) error {
	if len(vals) != len(dst) {
		return fmt.Errorf("%s is %v, expected %d numbers", name, vals, len(dst))
	}
	for _, v := range vals {
		if v < least || v > maxWindow {
			return fmt.Errorf("%s is %v, expected numbers from %d to %d", name, vals, least, maxWindow)
		}
	}
	copy(dst, vals)
	return nil
}

// newWindow is readWindow with padding and output size settled by auto_pad
// and ceil_mode.
func newWindow(n *Node, kernel []int) (*window, error) {
	w, err := readWindow(n, kernel)
	if err != nil {
		return nil, err
	}
	auto, ceil := n.String("auto_pad", "NOTSET"), n.Int("ceil_mode", 0) != 0
	for i := 2 - w.spatial; i < 2; i++ {
		if err := w.fit(i, auto, ceil); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// extent is the number of positions that the kernel reaches over along axis i.
func (w *window) extent(i int) int { return (w.kernel[i]-1)*w.dilation[i] + 1 }

// fit settles padding and output size of axis i.
func (w *window) fit(i int, auto string, ceil bool) error {
	extent, size := w.extent(i), w.size[i]
	switch auto {
	case "NOTSET", "":
	case "VALID":
		w.begin[i], w.end[i] = 0, 0
	case "SAME_UPPER", "SAME_LOWER":
		w.out[i] = (size + w.stride[i] - 1) / w.stride[i]
		w.share(i, max(0, (w.out[i]-1)*w.stride[i]+extent-size), auto == "SAME_UPPER")
		return nil
	default:
		return badAutoPad(auto)
	}
	room := size + w.begin[i] + w.end[i] - extent
	if room < 0 {
		return fmt.Errorf("window of %d does not fit axis %d of %d with padding %d and %d", extent, w.spatial+i, size, w.begin[i], w.end[i])
	}
	w.out[i] = room/w.stride[i] + 1
	if ceil && room%w.stride[i] != 0 {
		// A window that would start in the end padding is left out.
		if w.out[i]*w.stride[i] < size+w.begin[i] {
			w.out[i]++
		}
	}
	return nil
}

// share cuts the padding of axis i in two halves, the larger one at the end
// with upper and at the beginning without.
func (w *window) share(i, pad int, upper bool) {
	w.begin[i], w.end[i] = pad/2, pad-pad/2
	if !upper {
		w.begin[i], w.end[i] = w.end[i], w.begin[i]
	}
}

func badAutoPad(auto string) error {
	return fmt.Errorf("auto_pad is %q, expected NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto)
}

// Bounds on what a convolution may need beside its input and output, far above
// what nets ask for.
const (
	maxFrame  = 1 << 26 // values of one image with its border of zeros, unless input or output are not much smaller
	maxPhases = 1 << 18 // positions within a stride, times groups: each has weights of its own
)

// frames checks the memory of a convolution of one image of c channels and the
// given sizes to one of m channels and outputs: kernel.Conv copies both inside
// borders of zeros as wide as the window reaches.
func (w *window) frames(c, m, groups int, sizes, outputs [2]int) error {
	in, out, most := float64(c), float64(m), float64(maxFrame)
	if groups == c && groups == m {
		groups = 1 // depthwise
	}
	framed, phases := [2]float64{in, out}, float64(groups)
	for i := range 2 {
		s := w.stride[i]
		in, out = in*float64(sizes[i]), out*float64(outputs[i])
		framed[0] *= float64((outputs[i]-1)*s + w.extent(i))
		framed[1] *= float64(max(0, w.extent(i)-1-w.begin[i])/s + max(outputs[i], (sizes[i]-1+w.begin[i])/s+1) + 1)
		phases *= float64(min(s, sizes[i]))
	}
	most = max(most, 8*in, 8*out)
	if got := max(framed[0], framed[1]); got > most {
		return fmt.Errorf("an image with its padding is %.3g values, expected at most %.3g", got, most)
	}
	if phases > maxPhases {
		return fmt.Errorf("strides are %v in %d groups: more than %d combinations", w.stride[2-w.spatial:], groups, maxPhases)
	}
	return nil
}

// outShape is (N, channels) and the output's spatial axes.
func (w *window) outShape(n *Node, channels int) Shape {
	return append(Shape{n.In[0].Shape[0], channels}, w.out[2-w.spatial:]...)
}

// inferPool gives (N, C, OL) or (N, C, OH, OW).
func inferPool(n *Node) ([]Shape, error) {
	w, err := newWindow(n, n.Ints("kernel_shape", nil))
	if err != nil {
		return nil, err
	}
	if w.kernel[0]*w.kernel[1] > math.MaxInt32 {
		return nil, fmt.Errorf("kernel_shape is %v, expected at most %d positions", w.kernel[2-w.spatial:], math.MaxInt32)
	}
	for i := range 2 {
		if extent := w.extent(i); w.begin[i] >= extent || w.end[i] >= extent {
			return nil, fmt.Errorf("padding %d and %d is not smaller than the window of %d", w.begin[i], w.end[i], extent)
		}
	}
	return []Shape{w.outShape(n, n.In[0].Shape[1])}, nil
}

// poolWindow is the window of a pooling for the batch of b.
func poolWindow(b *Build) (kernel.Window, error) {
	w, err := newWindow(b.Node, b.Node.Ints("kernel_shape", nil))
	if err != nil {
		return kernel.Window{}, err
	}
	return kernel.Window{
		N: b.In(0)[0], C: b.In(0)[1], H: w.size[0], W: w.size[1], OH: w.out[0], OW: w.out[1],
		KH: w.kernel[0], KW: w.kernel[1], SH: w.stride[0], SW: w.stride[1],
		PT: w.begin[0], PL: w.begin[1], PB: w.end[0], PR: w.end[1],
		DH: w.dilation[0], DW: w.dilation[1],
		CountPad: b.Node.Int("count_include_pad", 0) != 0,
	}, nil
}
