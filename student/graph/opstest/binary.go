package opstest

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
		} {
			a, b := c.a, c.b.between(0.5, 1.5)
			if c.name == "same shape" {
				a = a.between(0.5, 1.5)
			}
			Add(Case{Op: op, Name: c.name, Inputs: []Input{a, b}, Ref: pairwise(ops[op])})
		}
	}
}

// pairwise is y = f(a, b) with broadcasting.
func pairwise(f func(a, b float64) float64) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		a, b := in[0], in[1]
		dims := make([]int, max(len(a.Dims), len(b.Dims)))
		for i := range dims {
			dims[i] = 1
			if k := i - len(dims) + len(a.Dims); k >= 0 {
				dims[i] = max(dims[i], a.Dims[k])
			}
			if k := i - len(dims) + len(b.Dims); k >= 0 {
				dims[i] = max(dims[i], b.Dims[k])
			}
		}
		y := Tensor{Dims: dims}
		walk(dims, func(at []int) {
			y.Data = append(y.Data, f(a.Data[index(a.Dims, at)], b.Data[index(b.Dims, at)]))
		})
		return y
	}
}
