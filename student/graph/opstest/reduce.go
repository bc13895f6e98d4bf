package opstest

import (
	"maps"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

func init() {
	functions := map[string]func(values []float64) float64{
		"ReduceSum":       total,
		"ReduceMean":      func(v []float64) float64 { return total(v) / float64(len(v)) },
		"ReduceMax":       func(v []float64) float64 { return extremeOf(v, 1) },
		"ReduceMin":       func(v []float64) float64 { return extremeOf(v, -1) },
		"ReduceL2":        func(v []float64) float64 { return math.Sqrt(squares(v)) },
		"ReduceSumSquare": squares,
	}
	for _, op := range slices.Sorted(maps.Keys(functions)) {
		f := functions[op]
		for _, c := range []struct {
			name string
			in   Input
			axes []int64
			keep int64
		}{
			{"planes", data(3, 2, 5), []int64{2, 3}, 1},
			{"planes squeezed", data(3, 2, 5), []int64{-1, -2}, 0},
			{"last", data(3, 9), []int64{-1}, 1},
			{"last squeezed", data(9), []int64{1}, 0},
			{"middle", data(3, 2, 5), []int64{2}, 1},
			{"channel", data(3, 2, 5), []int64{1}, 0},
			{"outer and inner", data(3, 2, 5), []int64{1, 3}, 0},
			{"axis of one", data(1, 5), []int64{1}, 0},
			{"batch last", Input{Kind: Data, Shape: graph.Shape{graph.Batch, 3, 1, 4}}, []int64{3, 1}, 1},
			{"parameter", param(5, 7), []int64{0}, 0},
			{"parameter, all", param(5, 7), nil, 0},
			{"parameter, both", param(2, 5, 7), []int64{0, 2}, 1},
		} {
			row := Case{Op: op, Name: c.name, Inputs: []Input{c.in}, Ref: reducedBy(f, c.axes, c.keep != 0)}
			row.Attrs = attrs(onnx.IntAttr("keepdims", c.keep))
			byInput := row // since opset 18, ReduceSum since 13
			byInput.Opset = graph.MaxOpset
			if row.Opset = 12; c.axes != nil {
				a := onnx.IntsAttr("axes")
				a.Ints = c.axes
				row.Attrs = append(row.Attrs, a)
				byInput.Inputs = append(byInput.Inputs, ints(c.axes...))
			}
			Add(row)
			Add(byInput)
		}
		Add(Case{Op: op, Name: "no axes, no reduction", Opset: graph.MaxOpset, Attrs: attrs(onnx.IntAttr("noop_with_empty_axes", 1)),
			Inputs: []Input{data(3, 5)}, Ref: reducedBy(f, []int64{}, true)})
		Add(Case{Op: op, Name: "empty axes, no reduction", Opset: graph.MaxOpset, Attrs: attrs(onnx.IntAttr("noop_with_empty_axes", 1)),
			Inputs: []Input{data(3, 5), ints()}, Ref: reducedBy(f, []int64{}, true)})
	}
}

func squares(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v * v
	}
	return sum
}

// reducedBy is y = f(the values along axes); nil axes are all.
func reducedBy(f func(values []float64) float64, axes []int64, keep bool) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		x := in[0]
		rank := len(x.Dims)
		gone := make([]bool, rank)
		for _, a := range axes {
			gone[(int(a)+rank)%rank] = true
		}
		kept := make([]int, rank)
		var y Tensor
		for i, d := range x.Dims {
			gone[i] = gone[i] || axes == nil
			if kept[i] = d; gone[i] {
				kept[i] = 1
			}
			if keep || !gone[i] {
				y.Dims = append(y.Dims, kept[i])
			}
		}
		sets := make([][]float64, size(kept))
		walk(x.Dims, func(at []int) {
			k := index(kept, at)
			sets[k] = append(sets[k], x.Data[index(x.Dims, at)])
		})
		for _, values := range sets {
			y.Data = append(y.Data, f(values))
		}
		return y
	}
}
