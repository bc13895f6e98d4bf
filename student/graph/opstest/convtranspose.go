package opstest

import "github.com/kdonnx/kdonnx/runtime/onnx"

// transposedSpec is a row of ConvTranspose: a spec whose pads are those that
// apply, and the attributes that lead to them.
type transposedSpec struct {
	spec
	more  []int64 // output_padding
	shape []int64 // output_shape, which settles the pads
}

func init() {
	one := [2]int{1, 1}
	for _, s := range []transposedSpec{
		{spec: spec{name: "3x3", kernel: [2]int{3, 3}, stride: one, dilation: one, c: 2, h: 3, w: 4, m: 3, bias: true, out: [2]int{5, 6}}},
		{spec: spec{name: "strides", kernel: [2]int{3, 2}, stride: [2]int{2, 3}, dilation: one, c: 3, h: 3, w: 2, m: 2, out: [2]int{7, 5}}},
		{spec: spec{name: "gaps between windows", kernel: one, stride: [2]int{2, 3}, dilation: one, c: 2, h: 3, w: 2, m: 2, bias: true, out: [2]int{5, 4}}},
		{spec: spec{name: "pads", kernel: [2]int{3, 3}, stride: [2]int{2, 2}, dilation: one, pads: [4]int{1, 0, 2, 1}, c: 2, h: 4, w: 3, m: 2, bias: true, out: [2]int{6, 6}}},
		{spec: spec{name: "output padding", kernel: [2]int{3, 3}, stride: [2]int{2, 3}, dilation: one, pads: [4]int{1, 1, 1, 1}, c: 2, h: 3, w: 3, m: 2, bias: true, out: [2]int{6, 9}}, more: []int64{1, 2}},
		{spec: spec{name: "dilation", kernel: [2]int{2, 3}, stride: one, dilation: [2]int{3, 2}, pads: [4]int{1, 2, 0, 1}, c: 1, h: 4, w: 5, m: 2, out: [2]int{6, 6}}},
		{spec: spec{name: "groups", kernel: [2]int{2, 2}, stride: [2]int{2, 2}, dilation: one, group: 2, c: 4, h: 2, w: 3, m: 6, bias: true, out: [2]int{4, 6}}},
		{spec: spec{name: "depthwise", kernel: [2]int{3, 3}, stride: [2]int{2, 2}, dilation: one, pads: [4]int{1, 1, 1, 1}, group: 3, c: 3, h: 3, w: 3, m: 3, bias: true, out: [2]int{5, 5}}},
		{spec: spec{name: "same upper", kernel: [2]int{4, 3}, stride: [2]int{2, 2}, dilation: one, auto: "SAME_UPPER", pads: [4]int{1, 0, 1, 1}, c: 1, h: 3, w: 3, m: 2, out: [2]int{6, 6}}},
		{spec: spec{name: "same lower", kernel: [2]int{4, 3}, stride: [2]int{2, 2}, dilation: one, auto: "SAME_LOWER", pads: [4]int{1, 1, 1, 0}, c: 1, h: 3, w: 3, m: 2, bias: true, out: [2]int{6, 6}}},
		{spec: spec{name: "valid", kernel: [2]int{2, 2}, stride: one, dilation: one, auto: "VALID", c: 1, h: 3, w: 2, m: 1, out: [2]int{4, 3}}},
		{spec: spec{name: "output shape", kernel: [2]int{3, 3}, stride: [2]int{2, 2}, dilation: one, pads: [4]int{1, 1, 0, 1}, c: 2, h: 3, w: 3, m: 2, bias: true, out: [2]int{6, 5}}, shape: []int64{6, 5}},
		{spec: spec{name: "output shape, same upper", kernel: [2]int{3, 3}, stride: [2]int{2, 2}, dilation: one, auto: "SAME_UPPER", pads: [4]int{0, 1, 1, 1}, c: 2, h: 3, w: 3, m: 2, out: [2]int{6, 5}}, shape: []int64{6, 5}},
		{spec: spec{name: "output shape beyond the windows", kernel: [2]int{2, 2}, stride: [2]int{2, 2}, dilation: one, c: 1, h: 2, w: 2, m: 2, bias: true, out: [2]int{5, 4}}, shape: []int64{5, 4}},
		{spec: spec{name: "1-D", flat: true, kernel: [2]int{1, 4}, stride: [2]int{1, 2}, dilation: one, pads: [4]int{0, 1, 0, 1}, c: 3, h: 1, w: 5, m: 2, bias: true, out: [2]int{1, 10}}},
		{spec: spec{name: "1-D groups, dilation, output padding", flat: true, kernel: [2]int{1, 3}, stride: [2]int{1, 3}, dilation: [2]int{1, 2}, group: 2, c: 2, h: 1, w: 4, m: 4, out: [2]int{1, 16}}, more: []int64{2}},
	} {
		s.group = max(s.group, 1)
		row := Case{Op: "ConvTranspose", Name: s.name, Attrs: s.attrs(false), Ref: s.transpose}
		if s.shape != nil {
			for i, a := range row.Attrs {
				if a.Name == "pads" {
					row.Attrs = append(row.Attrs[:i], row.Attrs[i+1:]...)
					break
				}
			}
			row.Attrs = append(row.Attrs, onnx.IntsAttr("output_shape", s.shape...))
		}
		if s.more != nil {
			row.Attrs = append(row.Attrs, onnx.IntsAttr("output_padding", s.more...))
		}
		row.Inputs = []Input{data(s.plane(s.c)...), param(s.taps(s.c, s.m/s.group)...)}
		if s.bias {
			row.Inputs = append(row.Inputs, param(s.m))
		}
		Add(row)
	}
}

// transpose spreads every x[n,c,h,w] over its window: y[n,m,h·SH−PT+kh·DH,
// w·SW−PL+kw·DW] += w[c,m,kh,kw]·x[n,c,h,w].
func (s transposedSpec) transpose(_ Env, in []Tensor) Tensor {
	x, w := s.high(in[0]), s.high(in[1])
	cg, mg := s.c/s.group, s.m/s.group
	y := Tensor{Dims: []int{x.Dims[0], s.m, s.out[0], s.out[1]}}
	y.Data = make([]float64, size(y.Dims))
	if s.bias {
		for i := range y.Data {
			y.Data[i] = in[2].Data[i/(s.out[0]*s.out[1])%s.m]
		}
	}
	for i, v := range x.Data {
		at := i
		column := at % s.w
		at /= s.w
		row := at % s.h
		at /= s.h
		c, n := at%s.c, at/s.c
		walk([]int{mg, s.kernel[0], s.kernel[1]}, func(k []int) {
			h := row*s.stride[0] - s.pads[0] + k[1]*s.dilation[0]
			l := column*s.stride[1] - s.pads[1] + k[2]*s.dilation[1]
			if h < 0 || h >= s.out[0] || l < 0 || l >= s.out[1] {
				return
			}
			m := c/cg*mg + k[0]
			tap := ((c*mg+k[0])*s.kernel[0]+k[1])*s.kernel[1] + k[2]
			y.Data[((n*s.m+m)*s.out[0]+h)*s.out[1]+l] += w.Data[tap] * v
		})
	}
	return s.shaped(y)
}
