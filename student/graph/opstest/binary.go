package opstest

import "math"

func init() {
	ops := map[string]func(a, b float64) float64{
		"Add": func(a, b float64) float64 { return a + b },
		"Sub": func(a, b float64) float64 { return a - b },
		"Mul": func(a, b float64) float64 { return a * b },
		"Div": func(a, b float64) float64 { return a / b },
	}
	for _, op := range []string{"Add", "Sub", "Mul", "Div"} {
		for _, c := range []struct {
			name string
			a, b Input
		}{
			{"same shape", data(3, 5), data(3, 5)},
			{"vector", data(7), param(7)},
			{"vector first", param(7), data(7)},
			{"channel", data(3, 2, 5), param(3, 1, 1)},
			{"row and column", data(3, 1), data(1, 5)},
			{"scalar", data(3, 2), param()},
			{"one", data(4), param(1, 1)},
			{"middle", data(2, 3, 1, 5), param(3, 4, 1)},
			{"parameters", param(3, 1), data(1, 4)},
			{"trailing vector", data(3, 9), param(9)},
			{"trailing matrix", data(3, 2, 5), param(2, 5)},
			{"deeper first", param(2, 1, 3, 1), data(3, 2)},
			{"gate", data(3, 2, 5), data(3, 1, 1)},
			{"rank 5", data(2, 3, 2, 2), param(2, 1, 2, 1)},
		} {
			a, b := c.a, c.b.between(0.5, 1.5)
			if c.name == "same shape" {
				a = a.between(0.5, 1.5)
			}
			Add(Case{Op: op, Name: c.name, Inputs: []Input{a, b}, Ref: pairwise(ops[op])})
		}
	}
	for _, c := range []struct {
		name string
		a, b Input
	}{
		{"square", data(3, 5), scalar(2)},
		{"square of a parameter", param(3, 5), scalar(2)},
		{"cube", data(9), scalar(3)},
		{"root", data(9).between(0.1, 2), scalar(0.5)},
		{"inverse", data(9).between(0.4, 2), scalar(-1)},
		{"identity", data(9), scalar(1)},
		{"zero", data(9), scalar(0)},
		{"four", data(9), scalar(4)},
		{"fraction", data(9).between(0.1, 2), scalar(-1.37)},
		{"trained exponents", data(3, 5).between(0.1, 2), param(5).between(-2, 2)},
		{"channel", data(3, 2, 5).between(0.1, 2), param(3, 1, 1).between(-2, 2)},
		{"one base", param().between(0.4, 2), data(7).between(-2, 2)},
		{"both", data(3, 1).between(0.1, 2), data(1, 4).between(-2, 2)},
		{"same shape", data(13).between(0.1, 2), data(13).between(0.1, 2)},
	} {
		Add(Case{Op: "Pow", Name: c.name, Inputs: []Input{c.a, c.b}, Ref: pairwise(math.Pow)})
	}
}

// pairwise is y = f(a, b) with broadcasting.
func pairwise(f func(a, b float64) float64) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		a, b := in[0], in[1]
		dims := broadcast(a.Dims, b.Dims)
		y := Tensor{Dims: dims}
		walk(dims, func(at []int) {
			y.Data = append(y.Data, f(a.Data[index(a.Dims, at)], b.Data[index(b.Dims, at)]))
		})
		return y
	}
}
