package opstest

import (
	"github.com/kdonnx/kdonnx/student/graph"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func init() {
	for _, c := range []struct {
		name       string
		ta, tb     bool
		a, b       Input
		c          *Input
		alpha, bet float32
	}{
		{"plain", false, false, data(7), param(7, 3), nil, 1, 1},
		{"bias", false, false, data(7), param(7, 3), ref(param(3)), 1, 1},
		{"transB", false, true, data(6), param(5, 6), ref(param(5)), 1, 1},
		{"square", false, true, data(5), param(5, 5), ref(param(1, 5)), 1, 1},
		{"scaled", false, true, data(6), param(5, 6), ref(param(5)), 0.5, 2},
		{"beta 0", false, false, data(4), param(4, 3), ref(param(3)), 1, 0},
		{"C scalar", false, false, data(4), param(4, 3), ref(param()), 1, 1.5},
		{"C matrix", false, false, data(4), param(4, 3), ref(data(3)), 1, 1},
		{"C column", false, false, data(4), param(4, 3), ref(data(1)), 2, 0.5},
		{"transA", true, false, Input{Kind: Data, Shape: graph.Shape{graph.Batch, 4}}, param(4, 3), nil, 1, 1},
		{"transA transB", true, true, data(4), param(3, 4), ref(param(3)), 0.75, 1},
		{"one", false, false, data(1), param(1, 1), ref(param(1)), 1, 1},
		{"33 by 17", false, true, data(33), param(17, 33), ref(param(17)), 1, 1},
	} {
		row := Case{Op: "Gemm", Name: c.name, Inputs: []Input{c.a, c.b}, Ref: refGemm(c.ta, c.tb, float64(c.alpha), float64(c.bet))}
		if c.c != nil {
			row.Inputs = append(row.Inputs, *c.c)
		}
		if c.ta {
			// A is (K, M) with the batch on its second axis; its rows are a
			// parameter of the function, so that no row of the batch is mixed.
			row.Inputs[0] = param(4, 6)
			if c.tb {
				row.Inputs[1] = param(3, 4)
			}
		}
		row.Attrs = attrs(onnx.FloatAttr("alpha", c.alpha), onnx.FloatAttr("beta", c.bet))
		if c.ta {
			row.Attrs = append(row.Attrs, onnx.IntAttr("transA", 1))
		}
		if c.tb {
			row.Attrs = append(row.Attrs, onnx.IntAttr("transB", 1))
		}
		Add(row)
	}
}

func ref(in Input) *Input { return &in }

// refGemm is Y = alpha·op(A)·op(B) + beta·C by its definition.
func refGemm(ta, tb bool, alpha, beta float64) func(Env, []Tensor) Tensor {
	return func(_ Env, in []Tensor) Tensor {
		a, b := in[0], in[1]
		m, k, n := a.Dims[0], a.Dims[1], b.Dims[1]
		if ta {
			m, k = k, m
		}
		if tb {
			n = b.Dims[0]
		}
		y := Tensor{Dims: []int{m, n}}
		walk(y.Dims, func(at []int) {
			sum := 0.0
			for p := range k {
				i, j := at[0]*k+p, p*n+at[1]
				if ta {
					i = p*m + at[0]
				}
				if tb {
					j = at[1]*k + p
				}
				sum += a.Data[i] * b.Data[j]
			}
			sum *= alpha
			if len(in) > 2 {
				sum += beta * in[2].Data[index(in[2].Dims, at)]
			}
			y.Data = append(y.Data, sum)
		})
		return y
	}
}
