package dataset

import "context"

func init() {
	registerSynthesis(SynthesisKind{
		Name: "noise", Example: "noise=0.1", About: "add Gaussian noise of that many deviations of each column, of 255 for stored bytes; categories stay, whole numbers stay whole and in their range",
		want: "noise=DEVIATION with DEVIATION above 0, at most 10",
		parse: func(value string, _ bool) (synthesisSettings, bool) {
			sigma, ok := decimal(value, 0, 10)
			return noisyRows(sigma), ok && sigma > 0
		},
	})
}

// noisyRows adds σ·std·N(0, 1) to every number.
type noisyRows float64

func (s noisyRows) compile(_ context.Context, p *parents) (synthesisOp, error) {
	return &rowNoiser{float32(s), p.fields}, nil
}

type rowNoiser struct {
	sigma  float32
	fields []field
}

func (*rowNoiser) donors(to []int, _ int, _ *draws) []int { return to }

func (m *rowNoiser) apply(x rowOf, _ []rowOf, d *draws) {
	for i := range m.fields {
		f := &m.fields[i]
		if f.kind == category {
			continue
		}
		for k := range f.n {
			v := &x.x[f.x+k]
			*v = f.fit(*v+float32(float32(m.sigma*f.std[k])*d.normal()), k)
		}
	}
}
