package opstest

import "math"

// Rows of the ops that look for values and choose by it: IsNaN and Where.

func init() {
	for _, in := range []Input{holes(5), holes(3, 2, 4)} {
		Add(Case{Op: "IsNaN", Name: in.Shape.String(), Inputs: []Input{in}, Cast: true, Ref: each(func(x float64) float64 {
			if math.IsNaN(x) {
				return 1
			}
			return 0
		})})
	}
	for _, c := range []struct {
		name    string
		c, a, b Input
	}{
		{"constants for holes", mask(5), param(1, 5), data(5)},
		{"same shape", mask(3, 4), data(3, 4), data(3, 4)},
		{"one of each", mask(1), data(4), param()},
		{"channels", mask(3, 1, 1), param(3, 2, 1), data(3, 2, 5)},
		{"parameters", mask(2, 5), param(5), param(2, 1)},
	} {
		Add(Case{Op: "Where", Name: c.name, Inputs: []Input{c.c, c.a, c.b}, Ref: func(_ Env, in []Tensor) Tensor {
			y := Tensor{Dims: widest(in)}
			walk(y.Dims, func(at []int) {
				from := in[2]
				if math.IsNaN(in[0].Data[index(in[0].Dims, at)]) {
					from = in[1]
				}
				y.Data = append(y.Data, from.Data[index(from.Dims, at)])
			})
			return y
		}})
	}
}

// widest is the shape that all tensors broadcast to.
func widest(in []Tensor) []int {
	var dims []int
	for _, t := range in {
		for len(dims) < len(t.Dims) {
			dims = append([]int{1}, dims...)
		}
		for i, d := range t.Dims {
			k := len(dims) - len(t.Dims) + i
			dims[k] = max(dims[k], d)
		}
	}
	return dims
}
