package cluster

import (
	"fmt"
	"slices"
)

// Coverage measures how much of what a classifier confuses lies within sets of
// classes. Without labels it is the expected confusion, Σ_{j≠k} p_j p_k of each
// row, how often two draws from its prediction differ; with labels the wrong
// answers whose label and answer are in one set.
//
// Classes that are in the same sets are one group, so that a pair of classes is
// covered where its groups share a set: a row takes C additions and the pairs
// of groups, whatever the sets overlap.
type Coverage struct {
	sets    int
	group   []int   // (C) of each class, −1 of one in no set
	members [][]int // sets of each group
	beside  [][]int // groups after each that share a set with it

	rows     int
	total    float64
	union    float64
	covered  []float64
	labelled int
	errors   int
	caught   int
	caughtBy []int

	mass, squares []float64 // (groups) of the row at hand
}

// NewCoverage is of sets, each of classes from 0 to classes−1.
func NewCoverage(sets [][]int, classes int) *Coverage {
	c := &Coverage{sets: len(sets), group: make([]int, classes), covered: make([]float64, len(sets)), caughtBy: make([]int, len(sets))}
	in := make([][]int, classes)
	for m, set := range sets {
		for _, k := range set {
			in[k] = append(in[k], m)
		}
	}
	known := map[string]int{}
	for k, list := range in {
		if c.group[k] = -1; len(list) == 0 {
			continue
		}
		name := fmt.Sprint(list)
		g, ok := known[name]
		if !ok {
			g = len(c.members)
			known[name] = g
			c.members = append(c.members, list)
		}
		c.group[k] = g
	}
	c.beside = make([][]int, len(c.members))
	for g := range c.members {
		for h := g + 1; h < len(c.members); h++ {
			if c.share(g, h) {
				c.beside[g] = append(c.beside[g], h)
			}
		}
	}
	c.mass, c.squares = make([]float64, len(c.members)), make([]float64, len(c.members))
	return c
}

// share tells whether a set holds both groups.
func (c *Coverage) share(g, h int) bool {
	return slices.ContainsFunc(c.members[g], func(m int) bool { return slices.Contains(c.members[h], m) })
}

// Add takes rows of probabilities, (N, C), and their labels, (N), negative where
// there is none; labels may be nil.
func (c *Coverage) Add(p []float32, labels []int32) {
	n := len(c.group)
	for i := 0; len(p) > 0; i, p = i+1, p[n:] {
		c.expect(p[:n])
		if labels != nil && labels[i] >= 0 && int(labels[i]) < n {
			c.judge(int(labels[i]), top(p[:n]))
		}
	}
}

// expect adds the expected confusion of a row.
func (c *Coverage) expect(row []float32) {
	clear(c.mass)
	clear(c.squares)
	var sum, squares float64
	for k, v := range row {
		x := float64(v)
		sum += x
		squares += x * x
		if g := c.group[k]; g >= 0 {
			c.mass[g] += x
			c.squares[g] += x * x
		}
	}
	c.rows++
	c.total += max(0, sum*sum-squares)
	for g, mass := range c.mass {
		within := max(0, mass*mass-c.squares[g])
		c.union += within
		for _, m := range c.members[g] {
			c.covered[m] += within
		}
		for _, h := range c.beside[g] {
			pair := 2 * mass * c.mass[h]
			c.union += pair
			for _, m := range c.members[g] {
				if slices.Contains(c.members[h], m) {
					c.covered[m] += pair
				}
			}
		}
	}
}

// judge counts a wrong answer.
func (c *Coverage) judge(label, answer int) {
	c.labelled++
	if label == answer {
		return
	}
	c.errors++
	g, h := c.group[label], c.group[answer]
	if g < 0 || h < 0 {
		return
	}
	caught := false
	for _, m := range c.members[g] {
		if slices.Contains(c.members[h], m) {
			c.caughtBy[m]++
			caught = true
		}
	}
	if caught {
		c.caught++
	}
}

func top(row []float32) (k int) {
	for j, v := range row {
		if v > row[k] {
			k = j
		}
	}
	return k
}

// Covered is what sets cover.
type Covered struct {
	Rows      int       `json:"rows"`
	Confusion float64   `json:"confusion"` // expected, of a row: how often two draws from a prediction differ
	All       float64   `json:"covered"`   // share of it within one set or another
	Sets      []float64 `json:"by_set"`    // within each
	Pairs     float64   `json:"pairs"`     // share of all pairs of classes that some set holds: what sets drawn at random would cover

	Labelled   int   `json:"labelled"`       // rows with a label
	Errors     int   `json:"errors"`         // of them, wrong answers
	ErrorsIn   int   `json:"errors_covered"` // whose label and answer share a set
	ErrorsSets []int `json:"errors_by_set"`
}

// Result is what was measured. Shares of no confusion are 0.
func (c *Coverage) Result() Covered {
	r := Covered{Rows: c.rows, Sets: make([]float64, c.sets), Labelled: c.labelled, Errors: c.errors, ErrorsIn: c.caught, ErrorsSets: slices.Clone(c.caughtBy)}
	if c.total > 0 {
		r.Confusion, r.All = c.total/float64(c.rows), c.union/c.total
		for m, v := range c.covered {
			r.Sets[m] = v / c.total
		}
	}
	size, n, pairs := make([]float64, len(c.members)), float64(len(c.group)), 0.0
	for _, g := range c.group {
		if g >= 0 {
			size[g]++
		}
	}
	for g, s := range size {
		pairs += s * (s - 1)
		for _, h := range c.beside[g] {
			pairs += 2 * s * size[h]
		}
	}
	if n > 1 {
		r.Pairs = pairs / (n * (n - 1))
	}
	return r
}
