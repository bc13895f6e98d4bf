package opstest

import (
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// spec is a window as the tests write it; pads are top, left, bottom, right. A
// flat one has height 1 and is given to the op as 1-D.
type spec struct {
	name                     string
	kernel, stride, dilation [2]int
	pads                     [4]int
	auto                     string
	ceil, countPad           bool
	group                    int
	c, h, w, m               int
	bias                     bool
	out                      [2]int // expected output size, written out by hand
	opset                    int64
	flat                     bool
}

func (s spec) attrs(pool bool) []*onnx.Attr {
	two := func(v [2]int) []int64 {
		if s.flat {
			return []int64{int64(v[1])}
		}
		return []int64{int64(v[0]), int64(v[1])}
	}
	a := attrs(onnx.IntsAttr("kernel_shape", two(s.kernel)...), onnx.IntsAttr("strides", two(s.stride)...))
	if s.dilation != [2]int{1, 1} {
		a = append(a, onnx.IntsAttr("dilations", two(s.dilation)...))
	}
	if s.auto != "" {
		a = append(a, onnx.StringAttr("auto_pad", s.auto))
	} else if s.pads != [4]int{} && s.flat {
		a = append(a, onnx.IntsAttr("pads", int64(s.pads[1]), int64(s.pads[3])))
	} else if s.pads != [4]int{} {
		a = append(a, onnx.IntsAttr("pads", int64(s.pads[0]), int64(s.pads[1]), int64(s.pads[2]), int64(s.pads[3])))
	}
	if s.ceil {
		a = append(a, onnx.IntAttr("ceil_mode", 1))
	}
	if s.countPad {
		a = append(a, onnx.IntAttr("count_include_pad", 1))
	}
	if !pool && s.group > 1 {
		a = append(a, onnx.IntAttr("group", int64(s.group)))
	}
	return a
}

func init() {
	one := [2]int{1, 1}
	for _, s := range []spec{
		{name: "3x3", kernel: [2]int{3, 3}, stride: one, dilation: one, c: 2, h: 5, w: 6, m: 3, bias: true, out: [2]int{3, 4}},
		{name: "1x1", kernel: one, stride: one, dilation: one, c: 3, h: 2, w: 3, m: 4, out: [2]int{2, 3}},
		{name: "1x1 wide", kernel: one, stride: one, dilation: one, c: 2, h: 17, w: 17, m: 2, bias: true, out: [2]int{17, 17}},
		{name: "stride and pads", kernel: [2]int{3, 2}, stride: [2]int{2, 3}, dilation: one, pads: [4]int{1, 0, 2, 1}, c: 2, h: 5, w: 7, m: 2, bias: true, out: [2]int{3, 3}},
		{name: "dilation", kernel: [2]int{2, 3}, stride: one, dilation: [2]int{3, 2}, pads: [4]int{1, 2, 1, 2}, c: 1, h: 6, w: 5, m: 2, out: [2]int{5, 5}},
		{name: "same upper", kernel: [2]int{4, 4}, stride: [2]int{2, 2}, dilation: one, auto: "SAME_UPPER", pads: [4]int{1, 1, 2, 2}, c: 1, h: 5, w: 5, m: 2, bias: true, out: [2]int{3, 3}},
		{name: "same lower", kernel: [2]int{4, 4}, stride: one, dilation: one, auto: "SAME_LOWER", pads: [4]int{2, 2, 1, 1}, c: 1, h: 5, w: 4, m: 1, out: [2]int{5, 4}},
		{name: "valid", kernel: [2]int{2, 2}, stride: one, dilation: one, auto: "VALID", c: 1, h: 3, w: 3, m: 2, out: [2]int{2, 2}},
		{name: "groups", kernel: [2]int{2, 2}, stride: one, dilation: one, group: 2, c: 4, h: 3, w: 4, m: 6, bias: true, out: [2]int{2, 3}},
		{name: "depthwise", kernel: [2]int{3, 3}, stride: [2]int{2, 2}, dilation: one, pads: [4]int{1, 1, 1, 1}, group: 3, c: 3, h: 5, w: 5, m: 3, bias: true, out: [2]int{3, 3}},
		{name: "depthwise twofold", kernel: [2]int{3, 3}, stride: one, dilation: one, pads: [4]int{1, 1, 1, 1}, group: 2, c: 2, h: 4, w: 4, m: 4, out: [2]int{4, 4}},
		{name: "big padding", kernel: [2]int{2, 2}, stride: [2]int{3, 3}, dilation: one, pads: [4]int{4, 4, 4, 4}, c: 1, h: 2, w: 2, m: 1, bias: true, out: [2]int{3, 3}},
		{name: "1-D", flat: true, kernel: [2]int{1, 3}, stride: one, dilation: one, c: 2, h: 1, w: 7, m: 3, bias: true, out: [2]int{1, 5}},
		{name: "1-D strides, dilation, pads", flat: true, kernel: [2]int{1, 3}, stride: [2]int{1, 2}, dilation: [2]int{1, 2}, pads: [4]int{0, 3, 0, 1}, group: 2, c: 4, h: 1, w: 9, m: 2, bias: true, out: [2]int{1, 5}},
		{name: "1-D same lower", flat: true, kernel: [2]int{1, 4}, stride: [2]int{1, 2}, dilation: one, auto: "SAME_LOWER", pads: [4]int{0, 2, 0, 1}, c: 1, h: 1, w: 5, m: 2, out: [2]int{1, 3}},
	} {
		s.group = max(s.group, 1)
		row := Case{Op: "Conv", Name: s.name, Attrs: s.attrs(false), Ref: s.conv}
		row.Inputs = []Input{data(s.plane(s.c)...), param(s.taps(s.m, s.c/s.group)...)}
		if s.bias {
			row.Inputs = append(row.Inputs, param(s.m))
		}
		Add(row)
	}
	for _, s := range []spec{
		{name: "2x2", kernel: [2]int{2, 2}, stride: [2]int{2, 2}, dilation: one, c: 2, h: 4, w: 6, out: [2]int{2, 3}},
		{name: "overlap", kernel: [2]int{3, 3}, stride: [2]int{2, 1}, dilation: one, pads: [4]int{1, 1, 1, 1}, c: 2, h: 5, w: 4, out: [2]int{3, 4}},
		{name: "ceil", kernel: [2]int{2, 3}, stride: [2]int{2, 2}, dilation: one, ceil: true, c: 1, h: 5, w: 6, out: [2]int{3, 3}},
		{name: "ceil and pads", kernel: [2]int{3, 3}, stride: [2]int{2, 2}, dilation: one, pads: [4]int{0, 0, 1, 1}, ceil: true, c: 1, h: 5, w: 5, out: [2]int{3, 3}},
		{name: "same", kernel: [2]int{2, 2}, stride: [2]int{2, 2}, dilation: one, auto: "SAME_UPPER", pads: [4]int{0, 0, 1, 1}, c: 1, h: 5, w: 5, out: [2]int{3, 3}},
		{name: "dilation", kernel: [2]int{2, 2}, stride: one, dilation: [2]int{2, 3}, c: 1, h: 5, w: 5, out: [2]int{3, 2}, opset: 19},
		{name: "dilation and pads", kernel: [2]int{2, 3}, stride: [2]int{2, 2}, dilation: [2]int{2, 1}, pads: [4]int{1, 1, 0, 2}, c: 2, h: 6, w: 5, out: [2]int{3, 3}, opset: 19},
		{name: "dilation and ceil", kernel: [2]int{2, 2}, stride: [2]int{2, 3}, dilation: [2]int{2, 2}, pads: [4]int{1, 0, 1, 1}, ceil: true, c: 1, h: 6, w: 6, out: [2]int{4, 2}, opset: 19},
		{name: "same lower", kernel: [2]int{2, 3}, stride: [2]int{2, 2}, dilation: one, auto: "SAME_LOWER", pads: [4]int{1, 1, 0, 1}, c: 1, h: 5, w: 5, out: [2]int{3, 3}},
		{name: "valid", kernel: [2]int{2, 2}, stride: [2]int{2, 2}, dilation: one, auto: "VALID", c: 1, h: 5, w: 4, out: [2]int{2, 2}},
		{name: "1-D", flat: true, kernel: [2]int{1, 3}, stride: [2]int{1, 2}, dilation: one, pads: [4]int{0, 1, 0, 1}, c: 2, h: 1, w: 8, out: [2]int{1, 4}},
		{name: "1-D ceil, dilation", flat: true, kernel: [2]int{1, 2}, stride: [2]int{1, 2}, dilation: [2]int{1, 3}, ceil: true, c: 2, h: 1, w: 9, out: [2]int{1, 4}, opset: 19},
	} {
		Add(Case{Op: "MaxPool", Name: s.name, Opset: s.opset, Attrs: s.attrs(true), Inputs: []Input{data(s.plane(s.c)...)}, Ref: s.pool(true)})
		Add(Case{Op: "AveragePool", Name: s.name, Opset: s.opset, Attrs: s.attrs(true), Inputs: []Input{data(s.plane(s.c)...)}, Ref: s.pool(false)})
		s.countPad = true
		Add(Case{Op: "AveragePool", Name: s.name + ", padding counted", Opset: s.opset, Attrs: s.attrs(true), Inputs: []Input{data(s.plane(s.c)...)}, Ref: s.pool(false)})
	}
	for _, x := range [][]int{{3, 4, 5}, {2, 7}, {2, 3, 2, 5}, {3, 1}} {
		Add(Case{Op: "GlobalAveragePool", Name: "plane", Inputs: []Input{data(x...)}, Ref: planes(func(plane []float64) float64 {
			mean, _ := stats(plane)
			return mean
		})})
		Add(Case{Op: "GlobalMaxPool", Name: "plane", Inputs: []Input{data(x...)}, Ref: planes(slices.Max[[]float64])})
	}
}

// plane is the shape of a row with so many channels.
func (s spec) plane(channels int) []int {
	if s.flat {
		return []int{channels, s.w}
	}
	return []int{channels, s.h, s.w}
}

// taps is the shape of a weight of these two axes of channels.
func (s spec) taps(a, b int) []int {
	if s.flat {
		return []int{a, b, s.kernel[1]}
	}
	return []int{a, b, s.kernel[0], s.kernel[1]}
}

// high gives a flat tensor (A, B, L) an axis of height 1: (A, B, 1, L).
func (s spec) high(x Tensor) Tensor {
	if s.flat {
		x.Dims = slices.Insert(slices.Clone(x.Dims), 2, 1)
	}
	return x
}

// shaped takes the axis of height 1 out of a flat output (N, C, 1, L).
func (s spec) shaped(y Tensor) Tensor {
	if s.flat {
		y.Dims = slices.Delete(slices.Clone(y.Dims), 2, 3)
	}
	return y
}

// planes is y (N, C, 1, ...) = f of each plane.
func planes(f func(plane []float64) float64) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		x := in[0]
		area := size(x.Dims[2:])
		y := Tensor{Dims: slices.Clone(x.Dims)}
		for i := range y.Dims[2:] {
			y.Dims[2+i] = 1
		}
		for at := 0; at < len(x.Data); at += area {
			y.Data = append(y.Data, f(x.Data[at:at+area]))
		}
		return y
	}
}

// conv is y[n,m,o,p] = b[m] + Σ w·x by its definition.
func (s spec) conv(_ Env, in []Tensor) Tensor {
	x, w := s.high(in[0]), s.high(in[1])
	cg, mg := s.c/s.group, s.m/s.group
	y := Tensor{Dims: []int{x.Dims[0], s.m, s.out[0], s.out[1]}}
	walk(y.Dims, func(at []int) {
		n, m := at[0], at[1]
		sum := 0.0
		if s.bias {
			sum = in[2].Data[m]
		}
		walk([]int{cg, s.kernel[0], s.kernel[1]}, func(k []int) {
			h := at[2]*s.stride[0] - s.pads[0] + k[1]*s.dilation[0]
			v := at[3]*s.stride[1] - s.pads[1] + k[2]*s.dilation[1]
			if h < 0 || h >= s.h || v < 0 || v >= s.w {
				return
			}
			c := m/mg*cg + k[0]
			sum += w.Data[index(w.Dims, []int{m, k[0], k[1], k[2]})] * x.Data[index(x.Dims, []int{n, c, h, v})]
		})
		y.Data = append(y.Data, sum)
	})
	return s.shaped(y)
}

// pool is the maximum or the mean of each window.
func (s spec) pool(largest bool) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		x := s.high(in[0])
		y := Tensor{Dims: []int{x.Dims[0], s.c, s.out[0], s.out[1]}}
		walk(y.Dims, func(at []int) {
			top, sum, count := math.Inf(-1), 0.0, 0
			walk(s.kernel[:], func(k []int) {
				h := at[2]*s.stride[0] - s.pads[0] + k[0]*s.dilation[0]
				v := at[3]*s.stride[1] - s.pads[1] + k[1]*s.dilation[1]
				if h >= s.h+s.pads[2] || v >= s.w+s.pads[3] {
					return
				}
				inside := h >= 0 && h < s.h && v >= 0 && v < s.w
				if inside || s.countPad {
					count++
				}
				if inside {
					value := x.Data[index(x.Dims, []int{at[0], at[1], h, v})]
					top, sum = max(top, value), sum+value
				}
			})
			if largest {
				y.Data = append(y.Data, top)
			} else {
				y.Data = append(y.Data, sum/float64(count))
			}
		})
		return s.shaped(y)
	}
}
