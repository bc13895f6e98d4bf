package opstest

import (
	"maps"
	"slices"

	"github.com/kdonnx/kdonnx/student/graph"
)

func init() {
	functions := map[string]func(values []float64) float64{
		"Min":  func(v []float64) float64 { return extremeOf(v, -1) },
		"Max":  func(v []float64) float64 { return extremeOf(v, 1) },
		"Sum":  total,
		"Mean": func(v []float64) float64 { return total(v) / float64(len(v)) },
	}
	for _, op := range slices.Sorted(maps.Keys(functions)) {
		f := functions[op]
		for _, c := range []struct {
			name   string
			inputs []Input
		}{
			{"one", []Input{data(3, 5)}},
			{"two", []Input{data(3, 5), data(3, 5).between(-0.83, 1.13)}},
			{"three", []Input{data(17), data(17).between(-0.83, 1.13), param(17).between(-0.71, 0.77)}},
			{"channel", []Input{data(3, 2, 5), param(3, 1, 1).between(-0.5, 0.4)}},
			{"wider later", []Input{param(5).between(-0.71, 0.77), data(2, 1, 5), param(3, 1).between(-0.43, 0.47)}},
			{"scalar", []Input{data(4), param().between(-0.5, 0.59)}},
			{"all", []Input{param().between(-0.5, 0.51), data(3, 1), param(1, 4).between(-0.83, 1.13), data(3, 4).between(-0.97, 0.91)}},
		} {
			Add(Case{Op: op, Name: c.name, Inputs: c.inputs, Ref: folded(f)})
		}
	}
	for _, c := range []struct {
		name     string
		x, slope Input
	}{
		{"channel", data(3, 2, 5), param(3, 1, 1)},
		{"vector", data(4, 9), param(9)},
		{"one", data(3, 5), param(1)},
		{"scalar", data(13), param()},
		{"whole", data(3, 3), param(1, 3, 3)},
		{"middle", data(2, 3, 4), param(2, 1, 4)},
		{"computed", data(3, 5), data(3, 1)},
		{"same", data(17), data(17).between(-0.83, 1.13)},
		{"parameters", param(3, 4), param(4)},
	} {
		for _, opset := range []int64{7, graph.MaxOpset} {
			Add(Case{Op: "PRelu", Name: c.name, Opset: opset, Inputs: []Input{c.x, c.slope}, Ref: pairwise(func(x, s float64) float64 {
				if x < 0 {
					return s * x
				}
				return x
			})})
		}
	}
}

func total(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum
}

// extremeOf is the largest value for sign 1, the smallest for −1.
func extremeOf(values []float64, sign float64) float64 {
	top := values[0]
	for _, v := range values {
		if sign*v > sign*top {
			top = v
		}
	}
	return top
}

// folded is y = f(all inputs) with broadcasting.
func folded(f func(values []float64) float64) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		var y Tensor
		for _, x := range in {
			y.Dims = broadcast(y.Dims, x.Dims)
		}
		values := make([]float64, len(in))
		walk(y.Dims, func(at []int) {
			for i, x := range in {
				values[i] = x.Data[index(x.Dims, at)]
			}
			y.Data = append(y.Data, f(values))
		})
		return y
	}
}

// broadcast is the shape that a and b broadcast to.
func broadcast(a, b []int) []int {
	dims := make([]int, max(len(a), len(b)))
	for i := range dims {
		dims[i] = 1
		for _, s := range [][]int{a, b} {
			if k := i - len(dims) + len(s); k >= 0 {
				dims[i] = max(dims[i], s[k])
			}
		}
	}
	return dims
}
