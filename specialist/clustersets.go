package specialist

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/specialist/cluster"
)

// several leaves out sets of one class, unless there are no others.
func (c *Clustering) several(sets [][]int) [][]int {
	kept := slices.DeleteFunc(slices.Clone(sets), func(s []int) bool { return len(s) == 1 })
	if len(kept) == 0 {
		return sets
	}
	c.spared(sets, kept, "left out")
	return kept
}

// spared notes which sets of one class are no longer there, and where they went.
func (c *Clustering) spared(before, after [][]int, where string) {
	var classes []string
	for _, s := range before {
		if len(s) == 1 && !slices.ContainsFunc(after, func(t []int) bool { return slices.Equal(s, t) }) {
			classes = append(classes, c.Classes[s[0]])
		}
	}
	if n := len(classes); n > 0 {
		c.single += n
		c.Notes = append(c.Notes, fmt.Sprintf("sets of one class, with nothing to tell apart, %s: %d (%s); -k keeps such", where, n, shown(classes)))
	}
}

// distinct leaves out sets that are equal to one before.
func (c *Clustering) distinct(sets [][]int, asked int) [][]int {
	found := len(sets)
	var kept [][]int
	for _, s := range sets {
		if !slices.ContainsFunc(kept, func(t []int) bool { return slices.Equal(s, t) }) {
			kept = append(kept, s)
		}
	}
	if found < asked {
		c.Notes = append(c.Notes, fmt.Sprintf("sets asked for: %d, found: %d; no more classes differ in what they are confused with", asked, found))
	}
	if n := found - len(kept); n > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("sets that were the same as another and are left out: %d", n))
	}
	return kept
}

// measure says what the sets cover and puts those first that cover most.
func (c *Clustering) measure(ctx context.Context, p *predictions, sets [][]int) error {
	cov := cluster.NewCoverage(sets, p.classes)
	var m *cluster.Moments
	if p.classes <= maxDrawn {
		var err error
		if m, err = cluster.NewMoments(p.classes, 0, 0); err != nil {
			return err
		}
	}
	labels := make([]int32, lookup)
	err := p.each(ctx, nil, 1, func(rows []int, q []float32) error {
		for i, row := range rows {
			labels[i] = p.labels[row]
		}
		cov.Add(q, labels)
		if m != nil {
			return m.Add(q)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r := cov.Result()
	if m != nil {
		c.Confusion = m.Confusion()
	}
	inside := make([]bool, p.classes)
	alone := 0
	for i, set := range sets {
		one := ClusterOf{Indices: set, Confusion: r.Sets[i], Errors: r.ErrorsSets[i]}
		for _, k := range set {
			one.Classes, inside[k] = append(one.Classes, p.names[k]), true
		}
		if len(set) == 1 {
			alone++
		}
		c.Clusters = append(c.Clusters, one)
	}
	slices.SortStableFunc(c.Clusters, func(a, b ClusterOf) int { return cmp.Compare(b.Confusion, a.Confusion) })
	for i, one := range c.Clusters { // in the same order
		r.Sets[i], r.ErrorsSets[i] = one.Confusion, one.Errors
	}
	c.Covered = r
	for k, in := range inside {
		if !in {
			c.Outside = append(c.Outside, p.names[k])
		}
	}
	if alone > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("sets of one class, with nothing to tell apart: %d; fewer sets, or --classes-each, spare such specialists", alone))
	}
	if r.Confusion == 0 {
		c.Notes = append(c.Notes, "at T = 1 every prediction is exactly 0 or 1: there is no confusion to cover")
	}
	return nil
}

// Sets are those of the clusters, for the file that training reads.
func (c *Clustering) Sets() *Sets {
	s := &Sets{Classes: c.Classes, About: c.About()}
	for _, one := range c.Clusters {
		s.Sets = append(s.Sets, one.Indices)
	}
	return s
}

// About says in a line how the sets were found and what they cover.
func (c *Clustering) About() string {
	chosen := ""
	if len(c.Scores) > 0 {
		chosen = ", as many as have the largest silhouette"
		if c.single > 0 {
			chosen += fmt.Sprintf(" less %d of one class", c.single)
		}
	}
	return fmt.Sprintf("%d sets by %s at T = %g with seed %d%s, of what %s says of %d rows: %.1f %% of its confusion in %.1f %% of the pairs of classes",
		len(c.Clusters), c.Method, c.Temperature, c.Seed, chosen, c.Model, c.Covered.Rows, 100*c.Covered.All, 100*c.Covered.Pairs)
}
