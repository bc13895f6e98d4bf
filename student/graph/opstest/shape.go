package opstest

import (
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func init() {
	for _, c := range []struct {
		axis int64
		in   []int
		cols int
	}{{1, []int{3, 2, 5}, 30}, {2, []int{3, 2, 5}, 10}, {-1, []int{3, 4}, 4}, {0, []int{6}, 0}} {
		Add(Case{Op: "Flatten", Name: "axis", Attrs: attrs(onnx.IntAttr("axis", c.axis)), Inputs: []Input{data(c.in...)}, Ref: reshaped(func(n int) []int {
			total := n * size(c.in)
			if c.cols == 0 {
				return []int{1, total}
			}
			return []int{total / c.cols, c.cols}
		})})
	}
	for _, c := range []struct {
		name   string
		target []int64
		want   func(n int) []int
	}{
		{"rest", []int64{-1, 24}, func(n int) []int { return []int{n, 24} }},
		{"copy", []int64{0, 4, -1}, func(n int) []int { return []int{n, 4, 6} }},
		{"copy two", []int64{0, 0, 12}, func(n int) []int { return []int{n, 2, 12} }},
		{"rows", []int64{-1, 6}, func(n int) []int { return []int{4 * n, 6} }},
	} {
		Add(Case{Op: "Reshape", Name: c.name, Inputs: []Input{data(2, 3, 4), ints(c.target...)}, Ref: reshaped(c.want)})
	}
	Add(Case{Op: "Reshape", Name: "parameter", Inputs: []Input{param(2, 6), ints(3, -1)}, Ref: reshaped(func(int) []int { return []int{3, 4} })})
	for _, p := range [][]int{{0, 3, 1, 2}, {0, 2, 3, 1}, {0, 1, 3, 2}, {1, 0, 2, 3}, {0, 1, 2, 3}, {3, 2, 1, 0}} {
		a := onnx.IntsAttr("perm")
		for _, v := range p {
			a.Ints = append(a.Ints, int64(v))
		}
		Add(Case{Op: "Transpose", Name: "perm", Attrs: attrs(a), Inputs: []Input{data(2, 3, 4)}, Ref: transposed(p)})
	}
	Add(Case{Op: "Transpose", Name: "matrices", Attrs: attrs(onnx.IntsAttr("perm", 0, 2, 1)), Inputs: []Input{data(9, 21)}, Ref: transposed([]int{0, 2, 1})})
	Add(Case{Op: "Transpose", Name: "default", Inputs: []Input{param(3, 5)}, Ref: transposed([]int{1, 0})})
	squeezeRows()
	depthRows()
	Add(Case{Op: "Concat", Name: "channels", Attrs: attrs(onnx.IntAttr("axis", 1)), Inputs: []Input{data(2, 3), data(4, 3), data(1, 3)}, Ref: joined(1)})
	Add(Case{Op: "Concat", Name: "last", Attrs: attrs(onnx.IntAttr("axis", -1)), Inputs: []Input{data(3, 2), data(3, 2)}, Ref: joined(2)})
	Add(Case{Op: "Concat", Name: "three widths", Attrs: attrs(onnx.IntAttr("axis", 2)), Inputs: []Input{data(1, 5), data(1, 2), data(1, 1)}, Ref: joined(2)})
	Add(Case{Op: "Concat", Name: "one", Attrs: attrs(onnx.IntAttr("axis", 1)), Inputs: []Input{data(3, 2)}, Ref: joined(1)})
	Add(Case{Op: "Concat", Name: "parameters", Attrs: attrs(onnx.IntAttr("axis", 0)), Inputs: []Input{param(3, 2), param(1, 2)}, Ref: joined(0)})
}

func squeezeRows() {
	same := reshaped(func(int) []int { return nil }) // the dims are not compared
	for _, c := range []struct {
		op, name string
		opset    int64
		in       []Input
		axes     []int64
	}{
		{"Squeeze", "axes", 0, []Input{data(1, 3, 1), ints(1, -1)}, nil},
		{"Squeeze", "attribute", 11, []Input{data(1, 3, 1)}, []int64{3}},
		{"Squeeze", "parameter", 0, []Input{param(1, 3), ints(0)}, nil},
		{"Unsqueeze", "axes", 0, []Input{data(3), ints(1, -1)}, nil},
		{"Unsqueeze", "batch last", 0, []Input{data(), ints(0)}, nil},
		{"Unsqueeze", "attribute", 11, []Input{data(3, 2)}, []int64{2}},
		{"Unsqueeze", "parameter", 0, []Input{param(3), ints(0, 2)}, nil},
	} {
		row := Case{Op: c.op, Name: c.name, Opset: c.opset, Inputs: c.in, Ref: same}
		if c.axes != nil {
			row.Attrs = attrs(onnx.IntsAttr("axes", c.axes...))
		}
		Add(row)
	}
}

// depthRows are of blocks of b by b in an image (N, C, H, W): with (i, j) the
// place in a block, DCR has it in front of the channel c and CRD behind.
func depthRows() {
	const b = 2
	dcr := func(i, j, c, channels int) int { return (i*b+j)*channels + c }
	crd := func(i, j, c, _ int) int { return (c*b+i)*b + j }
	for _, m := range []struct {
		name  string
		attrs []*onnx.Attr
		depth func(i, j, c, channels int) int
	}{
		{"default", attrs(onnx.IntAttr("blocksize", b)), dcr},
		{"CRD", attrs(onnx.IntAttr("blocksize", b), onnx.StringAttr("mode", "CRD")), crd},
	} {
		Add(Case{Op: "DepthToSpace", Name: m.name, Attrs: m.attrs, Inputs: []Input{data(8, 1, 3)}, Ref: func(_ Env, in []Tensor) Tensor {
			x := in[0]
			return picked(x, []int{x.Dims[0], 2, b, 3 * b}, func(at []int) int {
				h, w := at[2], at[3]
				return index(x.Dims, []int{at[0], m.depth(h%b, w%b, at[1], 2), h / b, w / b})
			})
		}})
	}
	Add(Case{Op: "SpaceToDepth", Name: "default", Attrs: attrs(onnx.IntAttr("blocksize", b)), Inputs: []Input{data(2, 2, 6)}, Ref: func(_ Env, in []Tensor) Tensor {
		x := in[0]
		y := Tensor{Dims: []int{x.Dims[0], 2 * b * b, 1, 3}, Data: make([]float64, len(x.Data))}
		walk(x.Dims, func(at []int) {
			h, w := at[2], at[3]
			y.Data[index(y.Dims, []int{at[0], dcr(h%b, w%b, at[1], 2), h / b, w / b})] = x.Data[index(x.Dims, at)]
		})
		return y
	}})
}

func reshaped(dims func(n int) []int) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor { return Tensor{dims(in[0].Dims[0]), slices.Clone(in[0].Data)} }
}

func transposed(perm []int) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		y := Tensor{Dims: make([]int, len(perm))}
		for i, a := range perm {
			y.Dims[i] = in[0].Dims[a]
		}
		from := make([]int, len(perm))
		walk(y.Dims, func(at []int) {
			for i, a := range perm {
				from[a] = at[i]
			}
			y.Data = append(y.Data, in[0].Data[index(in[0].Dims, from)])
		})
		return y
	}
}

func joined(axis int) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		y := Tensor{Dims: slices.Clone(in[0].Dims)}
		y.Dims[axis] = 0
		for _, x := range in {
			y.Dims[axis] += x.Dims[axis]
		}
		walk(y.Dims, func(at []int) {
			from := slices.Clone(at)
			for _, x := range in {
				if from[axis] < x.Dims[axis] {
					y.Data = append(y.Data, x.Data[index(x.Dims, from)])
					return
				}
				from[axis] -= x.Dims[axis]
			}
		})
		return y
	}
}
