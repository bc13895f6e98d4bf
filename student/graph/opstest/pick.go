package opstest

import (
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// Rows of the ops that pick values: Slice, Gather, Pad, Expand, Tile, Split.

func init() {
	sliceRows()
	gatherRows()
	padRows()
	for _, c := range []struct {
		name string
		in   Input
		to   []int64
		want []int // 0: the batch
	}{
		{"leading", data(3, 1), []int64{2, 1, 3, 5}, []int{2, 0, 3, 5}},
		{"inner", data(1, 2, 1, 3), []int64{3, 1, 4, 1}, []int{0, 3, 2, 4, 3}},
		{"smaller shape", data(1, 2), []int64{7, 1}, []int{0, 7, 2}},
		{"parameter", param(1, 3, 1), []int64{5, 1, 2}, []int{5, 3, 2}},
		{"scalar", param(1), []int64{4}, []int{4}},
	} {
		Add(Case{Op: "Expand", Name: c.name, Inputs: []Input{c.in, ints(c.to...)}, Ref: func(_ Env, in []Tensor) Tensor {
			return picked(in[0], sized(c.want, in[0]), func(at []int) int { return index(in[0].Dims, at) })
		}})
	}
	for _, c := range []struct {
		in      Input
		repeats []int64
	}{{data(2, 3), []int64{1, 2, 3}}, {data(3, 2), []int64{1, 3, 1}}, {param(2, 3), []int64{2, 2}}} {
		Add(Case{Op: "Tile", Name: fmt.Sprint(c.repeats), Inputs: []Input{c.in, ints(c.repeats...)}, Ref: func(_ Env, in []Tensor) Tensor {
			dims := slices.Clone(in[0].Dims)
			for i, r := range c.repeats {
				dims[i] *= int(r)
			}
			return picked(in[0], dims, func(at []int) int {
				from := slices.Clone(at)
				for i, d := range in[0].Dims {
					from[i] %= d
				}
				return index(in[0].Dims, from)
			})
		}})
	}
	splitRows()
}

// picked is an output of dims whose value at a multi-index is that of x at
// the position that from gives, or 0 where that is below 0.
func picked(x Tensor, dims []int, from func(at []int) int) Tensor {
	y := Tensor{Dims: dims}
	walk(dims, func(at []int) {
		v := 0.0
		if k := from(at); k >= 0 {
			v = x.Data[k]
		}
		y.Data = append(y.Data, v)
	})
	return y
}

// sized puts the batch of x in the place of 0.
func sized(dims []int, x Tensor) []int {
	dims = slices.Clone(dims)
	for i, d := range dims {
		if d == 0 {
			dims[i] = x.Dims[0]
		}
	}
	return dims
}

func sliceRows() {
	none := Input{Kind: None}
	const far = 1<<63 - 1
	for _, c := range []struct {
		name   string
		opset  int64
		inputs []Input
		attrs  []*onnx.Attr
		axis   int
		take   []int // indices of axis
	}{
		{"one axis", 0, []Input{data(3, 7), ints(2), ints(5), ints(2)}, nil, 2, []int{2, 3, 4}},
		{"steps", 0, []Input{data(7, 2), ints(1), ints(far), ints(1), ints(2)}, nil, 1, []int{1, 3, 5}},
		{"backwards", 0, []Input{data(2, 5), ints(-1), ints(-far - 1), ints(-1), ints(-2)}, nil, 2, []int{4, 2, 0}},
		{"from the end", 0, []Input{data(6), ints(-4), ints(-1), ints(1), ints(1)}, nil, 1, []int{2, 3, 4}},
		{"beyond", 0, []Input{data(4, 3), ints(3), ints(100), ints(1), ints(9)}, nil, 1, []int{3}},
		{"whole batch", 0, []Input{data(5, 2), ints(0, 1), ints(far, 3)}, nil, 1, []int{1, 2}},
		{"no axes", 0, []Input{data(5), ints(0, 0), ints(far, 5), none, ints(1, 3)}, nil, 1, []int{0, 3}},
		{"attributes", 9, []Input{data(5, 3)}, attrs(onnx.IntsAttr("starts", 1), onnx.IntsAttr("ends", -1), onnx.IntsAttr("axes", 1)), 1, []int{1, 2, 3}},
		{"parameter", 0, []Input{param(4, 3), ints(2), ints(0), ints(0), ints(-1)}, nil, 0, []int{2, 1}},
	} {
		Add(Case{Op: "Slice", Name: c.name, Opset: c.opset, Inputs: c.inputs, Attrs: c.attrs, Ref: taken(c.axis, c.take)})
	}
}

// taken is the indices take of an axis.
func taken(axis int, take []int) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		dims := slices.Clone(in[0].Dims)
		dims[axis] = len(take)
		return picked(in[0], dims, func(at []int) int {
			from := slices.Clone(at)
			from[axis] = take[at[axis]]
			return index(in[0].Dims, from)
		})
	}
}

func gatherRows() {
	Add(Case{Op: "Gather", Name: "constants", Attrs: attrs(onnx.IntAttr("axis", 1)), Inputs: []Input{data(4, 3), ints(3, 0, -1, 1)}, Ref: taken(1, []int{3, 0, 3, 1})})
	Add(Case{Op: "Gather", Name: "last", Attrs: attrs(onnx.IntAttr("axis", -1)), Inputs: []Input{data(3, 5), ints(4, 2)}, Ref: taken(2, []int{4, 2})})
	one := Input{Kind: Ints, Shape: graph.Shape{}, Ints: []int64{-2}}
	Add(Case{Op: "Gather", Name: "scalar", Attrs: attrs(onnx.IntAttr("axis", 1)), Inputs: []Input{data(4, 3), one}, Ref: taken(1, []int{2})})
	Add(Case{Op: "Gather", Name: "parameter", Inputs: []Input{param(5, 2), ints(0, 2, 2)}, Ref: taken(0, []int{0, 2, 2})})
	for _, c := range []struct {
		name    string
		in      []Input
		axis    int
		indices []int
	}{
		{"embedding", []Input{param(7, 3), ids(0, 6, 4)}, 0, []int{4}},
		{"from the end", []Input{param(5, 4), ids(-5, 4, 2, 3)}, 0, []int{2, 3}},
		{"one a row", []Input{param(6, 2), ids(0, 5)}, 0, nil},
		{"inner axis", []Input{param(3, 5, 2), ids(0, 4, 3)}, 1, []int{3}},
	} {
		Add(Case{Op: "Gather", Name: c.name, Attrs: attrs(onnx.IntAttr("axis", int64(c.axis))), Inputs: c.in, Ref: func(_ Env, in []Tensor) Tensor {
			x, k := in[0], len(in[1].Dims)
			dims := slices.Concat(x.Dims[:c.axis], in[1].Dims, x.Dims[c.axis+1:])
			return picked(x, dims, func(at []int) int {
				i := int(in[1].Data[index(in[1].Dims, at[c.axis:c.axis+k])])
				if i < 0 {
					i += x.Dims[c.axis]
				}
				return index(x.Dims, slices.Concat(at[:c.axis], []int{i}, at[c.axis+k:]))
			})
		}})
	}
}

func padRows() {
	for _, c := range []struct {
		name, mode    string
		in            Input
		pads          []int64
		before, after []int
		value         float64
	}{
		{"image", "constant", data(2, 3, 4), []int64{0, 0, 1, 2, 0, 0, 0, 1}, []int{0, 0, 1, 2}, []int{0, 0, 0, 1}, 0},
		{"value", "constant", data(3), []int64{0, 2, 0, 1}, []int{0, 2}, []int{0, 1}, 1.5},
		{"cropped", "constant", data(5, 4), []int64{0, -1, 2, 0, -2, -3}, []int{0, -1, 2}, []int{0, -2, -3}, -1},
		{"channels", "constant", data(2, 3), []int64{0, 1, 0, 0, 3, 0}, []int{0, 1, 0}, []int{0, 3, 0}, 0},
		{"reflect", "reflect", data(2, 4, 3), []int64{0, 0, 3, 1, 0, 0, 2, 2}, []int{0, 0, 3, 1}, []int{0, 0, 2, 2}, 0},
		{"edge", "edge", data(2, 3, 2), []int64{0, 0, 2, 3, 0, 0, 1, 0}, []int{0, 0, 2, 3}, []int{0, 0, 1, 0}, 0},
		{"parameter", "edge", param(2, 3), []int64{1, 0, 0, 2}, []int{1, 0}, []int{0, 2}, 0},
	} {
		inputs := []Input{c.in, ints(c.pads...)}
		if c.value != 0 {
			inputs = append(inputs, scalar(c.value))
		}
		ref := padded(c.mode, c.before, c.after, c.value)
		Add(Case{Op: "Pad", Name: c.name, Attrs: attrs(onnx.StringAttr("mode", c.mode)), Inputs: inputs, Ref: ref})
		old := attrs(onnx.StringAttr("mode", c.mode), onnx.IntsAttr("pads", c.pads...), onnx.FloatAttr("value", float32(c.value)))
		Add(Case{Op: "Pad", Name: c.name + " attributes", Opset: 10, Attrs: old, Inputs: []Input{c.in}, Ref: ref})
	}
	Add(Case{Op: "Pad", Name: "axes", Opset: 18, Inputs: []Input{data(3, 2, 4), ints(1, 0, 2, 3), Input{Kind: None}, ints(-1, 1)},
		Ref: padded("constant", []int{0, 0, 0, 1}, []int{0, 3, 0, 2}, 0)})
	Add(Case{Op: "Pad", Name: "wrap", Opset: 19, Attrs: attrs(onnx.StringAttr("mode", "wrap")), Inputs: []Input{data(3), ints(0, 4, 0, 2)},
		Ref: padded("wrap", []int{0, 4}, []int{0, 2}, 0)})
}

// padded walks outwards from the array one step at a time: mirrored at the
// border, stopped at it, or from the other side.
func padded(mode string, before, after []int, value float64) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		x := in[0]
		dims := slices.Clone(x.Dims)
		for i := range dims {
			dims[i] += before[i] + after[i]
		}
		y := Tensor{Dims: dims}
		walk(dims, func(at []int) {
			from, inside := slices.Clone(at), true
			for i, d := range x.Dims {
				k := at[i] - before[i]
				switch {
				case k >= 0 && k < d:
				case mode == "reflect" && k < 0:
					k = -k
				case mode == "reflect":
					k = d - 2 - (k - d)
				case mode == "edge" && k < 0:
					k = 0
				case mode == "edge":
					k = d - 1
				case mode == "wrap":
					for k < 0 {
						k += d
					}
					k %= d
				default:
					inside = false
				}
				from[i] = k
			}
			if !inside {
				y.Data = append(y.Data, float64(float32(value)))
				return
			}
			y.Data = append(y.Data, x.Data[index(x.Dims, from)])
		})
		return y
	}
}

func splitRows() {
	for _, c := range []struct {
		name   string
		opset  int64
		in     []Input
		attrs  []*onnx.Attr
		axis   int
		widths []int
	}{
		{"equal", 0, []Input{data(6, 3)}, attrs(onnx.IntAttr("axis", 1)), 1, []int{2, 2, 2}},
		{"sizes", 0, []Input{data(3, 6), ints(1, 4, 1)}, attrs(onnx.IntAttr("axis", -1)), 2, []int{1, 4, 1}},
		{"attribute", 11, []Input{data(5)}, attrs(onnx.IntAttr("axis", 1), onnx.IntsAttr("split", 2, 3)), 1, []int{2, 3}},
		{"num_outputs", 18, []Input{data(7, 2)}, attrs(onnx.IntAttr("axis", 1), onnx.IntAttr("num_outputs", 3)), 1, []int{3, 3, 1}},
		{"one", 0, []Input{data(4)}, attrs(onnx.IntAttr("axis", 1)), 1, []int{4}},
		{"parameter", 0, []Input{param(4, 2)}, nil, 0, []int{2, 2}},
	} {
		Add(Case{Op: "Split", Name: c.name, Opset: c.opset, Inputs: c.in, Attrs: c.attrs, Outputs: len(c.widths), Ref: func(e Env, in []Tensor) Tensor {
			var all Tensor
			at := 0
			for _, w := range c.widths {
				var take []int
				for range w {
					take = append(take, at)
					at++
				}
				all.Data = append(all.Data, taken(c.axis, take)(e, in).Data...)
			}
			all.Dims = []int{len(all.Data)}
			return all
		}})
	}
}
