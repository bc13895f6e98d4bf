package dataset

import (
	"context"
	"strconv"
	"strings"
)

func init() {
	registerSynthesis(SynthesisKind{
		Name: "bootstrap", Example: "bootstrap=5,nearest", About: "take each column from the row or one of K others: of its class drawn at random, or the nearest",
		want: "bootstrap, bootstrap=K or bootstrap=K,nearest with K from 1 to 100",
		parse: func(value string, given bool) (synthesisSettings, bool) {
			if !given {
				return bootstrap{k: 5}, true
			}
			head, tail, two := strings.Cut(value, ",")
			k, err := strconv.Atoi(head)
			return bootstrap{k, two}, err == nil && k >= 1 && k <= maxNeighbours && (!two || tail == "nearest")
		},
	})
}

// maxNeighbours is the most rows that one is made of.
const maxNeighbours = 100

// bootstrap draws each column by itself from a few rows that are alike: those of
// one of the Strata (rows without a label are one), or neighbours.
type bootstrap struct {
	k       int
	nearest bool
}

func (s bootstrap) compile(ctx context.Context, p *parents) (synthesisOp, error) {
	b := &bootstrapper{k: s.k, fields: p.fields}
	if s.nearest {
		var err error
		b.near, err = p.nearest(ctx, s.k)
		return b, err
	}
	strata, err := Strata(ctx, p.src)
	if err != nil {
		return nil, err
	}
	b.group = make([][]int, len(strata))
	for _, g := range groups(strata) {
		for _, r := range g.rows {
			b.group[r] = g.rows
		}
	}
	return b, nil
}

type bootstrapper struct {
	k      int
	fields []field
	near   *neighbours // nil: drawn
	group  [][]int     // by row, the rows of its stratum
}

func (m *bootstrapper) donors(to []int, parent int, d *draws) []int {
	if m.near != nil {
		return append(to, m.near.of(parent)...)
	}
	for range m.k {
		to = append(to, m.group[parent][d.below(len(m.group[parent]))])
	}
	return to
}

func (m *bootstrapper) apply(x rowOf, donors []rowOf, d *draws) {
	for i := range m.fields {
		if from := d.below(len(donors) + 1); from < len(donors) {
			m.fields[i].take(x, donors[from])
		}
	}
}
