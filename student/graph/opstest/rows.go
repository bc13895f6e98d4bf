package opstest

import (
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// Short forms for rows.

// data is a graph input (N, dims...).
func data(dims ...int) Input {
	return Input{Kind: Data, Shape: append(graph.Shape{graph.Batch}, dims...)}
}

// param is a trained initializer.
func param(dims ...int) Input { return Input{Kind: Param, Shape: dims} }

// scalar is a float constant.
func scalar(v float64) Input { return Input{Kind: Const, Shape: graph.Shape{}, Values: []float64{v}} }

// ints is an integer constant.
func ints(v ...int64) Input { return Input{Kind: Ints, Shape: graph.Shape{len(v)}, Ints: v} }

// ids is a graph input (N, dims...) of integers from lo to hi.
func ids(lo, hi float64, dims ...int) Input {
	in := data(dims...).between(lo, hi)
	in.Kind = Ids
	return in
}

// holes is a graph input (N, dims...) with NaN in it.
func holes(dims ...int) Input {
	in := data(dims...)
	in.Kind = Holes
	return in
}

// mask is where holes are.
func mask(dims ...int) Input {
	in := data(dims...)
	in.Kind = Mask
	return in
}

func (in Input) between(lo, hi float64) Input {
	in.Lo, in.Hi = lo, hi
	return in
}

// tensor is the initializer of an input.
func tensor(name string, in Input, v Tensor) *onnx.Tensor {
	var dims []int64
	for _, d := range v.Dims {
		dims = append(dims, int64(d))
	}
	if in.Kind == Ints {
		return onnx.Int64Tensor(name, dims, in.Ints)
	}
	return onnx.FloatTensor(name, dims, toFloat32(v.Data))
}

// size is the product of dims.
func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// each is y = f(x), value by value.
func each(f func(x float64) float64) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		y := Tensor{in[0].Dims, make([]float64, len(in[0].Data))}
		for i, x := range in[0].Data {
			y.Data[i] = f(x)
		}
		return y
	}
}

// index is the position of the multi-index at in an array of dims, where an
// axis of 1 stands for any index and missing leading axes for none.
func index(dims, at []int) int {
	k := 0
	for i, d := range dims {
		j := at[len(at)-len(dims)+i]
		if d == 1 {
			j = 0
		}
		k = k*d + j
	}
	return k
}

// walk calls f with every multi-index of dims, in row-major order.
func walk(dims []int, f func(at []int)) {
	at := make([]int, len(dims))
	for range size(dims) {
		f(at)
		for i := len(dims) - 1; i >= 0; i-- {
			if at[i]++; at[i] < dims[i] {
				break
			}
			at[i] = 0
		}
	}
}
