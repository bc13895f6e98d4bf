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
	Add(Case{Op: "Transpose", Name: "default", Inputs: []Input{param(3, 5)}, Ref: transposed([]int{1, 0})})
	Add(Case{Op: "Concat", Name: "channels", Attrs: attrs(onnx.IntAttr("axis", 1)), Inputs: []Input{data(2, 3), data(4, 3), data(1, 3)}, Ref: joined(1)})
	Add(Case{Op: "Concat", Name: "last", Attrs: attrs(onnx.IntAttr("axis", -1)), Inputs: []Input{data(3, 2), data(3, 2)}, Ref: joined(2)})
	Add(Case{Op: "Concat", Name: "one", Attrs: attrs(onnx.IntAttr("axis", 1)), Inputs: []Input{data(3, 2)}, Ref: joined(1)})
	Add(Case{Op: "Concat", Name: "parameters", Attrs: attrs(onnx.IntAttr("axis", 0)), Inputs: []Input{param(3, 2), param(1, 2)}, Ref: joined(0)})
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
