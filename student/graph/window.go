package graph

import "fmt"

// window is what convolution and pooling share: how a kernel moves over (H, W).
type window struct {
	kernel, stride, dilation [2]int
	begin, end               [2]int // padding
	out                      [2]int
}

// maxWindow bounds the attributes of a window, so that no sum overflows.
const maxWindow = 1 << 20

// newWindow reads strides, dilations, pads, auto_pad and ceil_mode of a node
// whose input is (N, C, H, W).
func newWindow(n *Node, kernel []int) (*window, error) {
	x := n.In[0].Shape
	if len(x) != 4 {
		return nil, fmt.Errorf("input is %v, expected (N, C, H, W): a student has 2-D windows only", x)
	}
	if x[0] >= 0 || x[1] < 0 || x[2] < 0 || x[3] < 0 {
		return nil, fmt.Errorf("input is %v, expected the batch axis first", x)
	}
	w := &window{}
	one := []int{1, 1}
	for _, a := range []struct {
		name string
		vals []int
		min  int
		dst  []*int
	}{
		{"kernel_shape", kernel, 1, []*int{&w.kernel[0], &w.kernel[1]}},
		{"strides", n.Ints("strides", one), 1, []*int{&w.stride[0], &w.stride[1]}},
		{"dilations", n.Ints("dilations", one), 1, []*int{&w.dilation[0], &w.dilation[1]}},
		{"pads", n.Ints("pads", []int{0, 0, 0, 0}), 0, []*int{&w.begin[0], &w.begin[1], &w.end[0], &w.end[1]}},
	} {
		if len(a.vals) != len(a.dst) {
			return nil, fmt.Errorf("%s is %v, expected %d numbers", a.name, a.vals, len(a.dst))
		}
		for i, v := range a.vals {
			if v < a.min || v > maxWindow {
				return nil, fmt.Errorf("%s is %v, expected numbers from %d to %d", a.name, a.vals, a.min, maxWindow)
			}
			*a.dst[i] = v
		}
	}
	auto, ceil := n.String("auto_pad", "NOTSET"), n.Int("ceil_mode", 0) != 0
	for i := range 2 {
		if err := w.fit(i, x[2+i], auto, ceil); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// fit settles padding and output size of axis i of the given input size.
func (w *window) fit(i, size int, auto string, ceil bool) error {
	extent := (w.kernel[i]-1)*w.dilation[i] + 1
	switch auto {
	case "NOTSET", "":
	case "VALID":
		w.begin[i], w.end[i] = 0, 0
	case "SAME_UPPER", "SAME_LOWER":
		w.out[i] = (size + w.stride[i] - 1) / w.stride[i]
		pad := max(0, (w.out[i]-1)*w.stride[i]+extent-size)
		w.begin[i], w.end[i] = pad/2, pad-pad/2
		if auto == "SAME_LOWER" {
			w.begin[i], w.end[i] = w.end[i], w.begin[i]
		}
		return nil
	default:
		return fmt.Errorf("auto_pad is %q, expected NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto)
	}
	room := size + w.begin[i] + w.end[i] - extent
	if room < 0 {
		return fmt.Errorf("window of %d does not fit axis %d of %d with padding %d and %d", extent, 2+i, size, w.begin[i], w.end[i])
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
