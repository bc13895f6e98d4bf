package dataset

import (
	"context"
	"strings"
)

func init() {
	registerSynthesis(SynthesisKind{
		Name: "mixup", Example: "mixup=1", About: "mix each row with another, in shares drawn from Beta(α, α); categories are those of the larger share, whole numbers stay whole",
		want: "mixup or mixup=ALPHA with ALPHA from 0.01 to 100",
		parse: func(value string, given bool) (synthesisSettings, bool) {
			if !given {
				return mixedRows(1), true
			}
			alpha, ok := decimal(strings.TrimSpace(value), 0.01, 100)
			return mixedRows(alpha), ok
		},
	})
}

// mixedRows makes λ·x_i + (1−λ)·x_j of two rows, λ from Beta(α, α) and j any row.
// What it is, unlike in mixup (Zhang et al. 2018, arXiv 1710.09412), the teacher
// says.
type mixedRows float64

func (s mixedRows) compile(_ context.Context, p *parents) (synthesisOp, error) {
	return &rowMixer{float64(s), p}, nil
}

type rowMixer struct {
	alpha float64
	*parents
}

func (m *rowMixer) donors(to []int, parent int, d *draws) []int {
	other := d.below(m.src.Len() - 1)
	if other >= parent {
		other++
	}
	return append(to, other)
}

func (m *rowMixer) apply(x rowOf, donors []rowOf, d *draws) {
	share, other := float32(d.beta(m.alpha)), donors[0]
	for i := range m.fields {
		f := &m.fields[i]
		if f.kind == category {
			if share < 0.5 {
				f.take(x, other)
			}
			continue
		}
		for k := range f.n {
			a, b := &x.x[f.x+k], other.x[f.x+k]
			v := float32(share**a) + float32((1-share)*b)
			if v != v { // one is missing
				if share < 0.5 {
					*a = b
				}
				continue
			}
			*a = f.fit(v, k)
		}
	}
}
