package dataset

import (
	"context"
	"math"
	"strings"
)

func init() {
	registerSynthesis(SynthesisKind{
		Name: "munge", Example: "munge=0.5,1", About: "MUNGE: with probability P take each column of the nearest row, numbers with a deviation of their difference over S",
		want: "munge, munge=P or munge=P,S with P above 0, at most 1, and S from 0.01 to 100",
		parse: func(value string, given bool) (synthesisSettings, bool) {
			s := munge{p: 0.5, s: 1}
			if !given {
				return s, true
			}
			head, tail, two := strings.Cut(value, ",")
			var ok bool
			if s.p, ok = decimal(head, 0, 1); ok && two {
				s.s, ok = decimal(tail, 0.01, 100)
			}
			return s, ok && s.p > 0
		},
	})
}

// munge is MUNGE (Bucilă, Caruana and Niculescu-Mizil 2006, "Model compression",
// section 3.1): e' being the row nearest to e, each attribute a of e becomes,
// with probability p, one drawn from N(e'_a, |e_a − e'_a|/s), or e'_a where it is
// a category.
//
// The paper swaps, so that e' changes with e, and later rows are made of changed
// ones. Here every row is made of the training rows as they are, in order that it
// depends on nothing but its own draws; e' gives a row of its own in its turn.
// Rows like e in everything are passed over in the search: they would give e.
type munge struct{ p, s float64 }

func (s munge) compile(ctx context.Context, p *parents) (synthesisOp, error) {
	near, err := p.nearest(ctx, 1)
	return &munger{s.p, float32(s.s), p.fields, near}, err
}

type munger struct {
	p      float64
	s      float32
	fields []field
	near   *neighbours
}

func (m *munger) donors(to []int, parent int, _ *draws) []int {
	return append(to, m.near.of(parent)...)
}

func (m *munger) apply(x rowOf, donors []rowOf, d *draws) {
	if len(donors) == 0 { // every row is like it
		return
	}
	other := donors[0]
	for i := range m.fields {
		f := &m.fields[i]
		if d.unit() >= m.p {
			continue
		}
		if f.kind == category {
			f.take(x, other)
			continue
		}
		for k := range f.n {
			a, b := &x.x[f.x+k], other.x[f.x+k]
			v := b + float32(float32(math.Abs(float64(*a-b)))/m.s*d.normal())
			if v != v { // one is missing
				*a = b
				continue
			}
			*a = f.fit(v, k)
		}
	}
}
