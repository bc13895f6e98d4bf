package opstest

func init() {
	for _, c := range []struct {
		name string
		a, b Input
	}{
		{"matrix", data(6), param(6, 5)},
		{"rank 3", data(3, 6), param(6, 5)},
		{"rank 4 by 2", data(2, 3, 5), param(5, 7)},
		{"one matrix of rank 4", data(2, 3, 5), param(1, 1, 5, 7)},
		{"attention", data(3, 5, 4), data(3, 4, 5)},
		{"square", data(3, 3), data(3, 3)},
		{"heads of weights", data(3, 5, 4), param(3, 4, 2)},
		{"weights first", param(3, 5, 4), data(3, 4, 2)},
		{"matrix first", param(5, 4), data(3, 4, 2)},
		{"one head", data(1, 5, 4), data(3, 4, 2)},
		{"both broadcast", data(1, 2, 5, 4), param(3, 1, 4, 2)},
		{"fewer axes", data(2, 3, 5, 4), param(3, 4, 2)},
		{"column", data(3, 4), param(4)},
		{"column of rank 4", data(2, 3, 4), param(4)},
		{"row", param(4), data(4, 3)},
		{"row of rank 3", param(4), data(2, 4, 3)},
		{"dot", param(7), param(7)},
		{"batch of columns", param(5, 4), param(2, 4, 3)},
		{"17 by 33 by 19", data(17, 33), data(33, 19)},
	} {
		Add(Case{Op: "MatMul", Name: c.name, Inputs: []Input{c.a, c.b}, Ref: refMatMul})
	}
}

// refMatMul is the product by its definition, operands of rank 1 being a row
// and a column.
func refMatMul(_ Env, in []Tensor) Tensor {
	a, b := in[0], in[1]
	if len(a.Dims) == 1 {
		a.Dims = []int{1, a.Dims[0]}
	}
	if len(b.Dims) == 1 {
		b.Dims = []int{b.Dims[0], 1}
	}
	ra, rb := len(a.Dims), len(b.Dims)
	m, k, n := a.Dims[ra-2], a.Dims[ra-1], b.Dims[rb-1]
	lead := make([]int, max(ra, rb)-2)
	for i := range lead {
		lead[i] = 1
		if j := i - len(lead) + ra - 2; j >= 0 {
			lead[i] = max(lead[i], a.Dims[j])
		}
		if j := i - len(lead) + rb - 2; j >= 0 {
			lead[i] = max(lead[i], b.Dims[j])
		}
	}
	var y Tensor
	walk(append(append([]int{}, lead...), m, n), func(at []int) {
		q := len(lead)
		fromA := index(a.Dims[:ra-2], at[:q])*m*k + at[q]*k
		fromB := index(b.Dims[:rb-2], at[:q])*k*n + at[q+1]
		sum := 0.0
		for p := range k {
			sum += a.Data[fromA+p] * b.Data[fromB+p*n]
		}
		y.Data = append(y.Data, sum)
	})
	y.Dims = lead
	if len(in[0].Dims) > 1 {
		y.Dims = append(y.Dims, m)
	}
	if len(in[1].Dims) > 1 {
		y.Dims = append(y.Dims, n)
	}
	return y
}
