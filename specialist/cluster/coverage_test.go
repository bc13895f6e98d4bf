package cluster

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestCoverage has figures by hand: of the row (1/2, 1/4, 1/4, 0) two draws
// differ 5 times in 8; 0 and 1 are 1/4 of all draws, 1 and 2 are 1/8.
func TestCoverage(t *testing.T) {
	c := NewCoverage([][]int{{0, 1}, {1, 2, 3}, {2}}, 5)
	c.Add([]float32{0.5, 0.25, 0.25, 0, 0, 0, 0, 0, 0.75, 0.25}, []int32{1, -1})
	r := c.Result()
	want := []float64{0.25, 0.125, 0}
	total := 0.625 + 0.375
	for m, v := range want {
		if math.Abs(r.Sets[m]-v/total) > 1e-12 {
			t.Errorf("set %d covers %v, expected %v", m, r.Sets[m], v/total)
		}
	}
	if math.Abs(r.All-0.375/total) > 1e-12 || math.Abs(r.Confusion-total/2) > 1e-12 || r.Rows != 2 {
		t.Errorf("got %+v", r)
	}
	if r.Pairs != 0.4 { // {0,1}, {1,2}, {1,3}, {2,3} of 10
		t.Errorf("pairs %v, expected 0.4", r.Pairs)
	}
	if r.Labelled != 1 || r.Errors != 1 || r.ErrorsIn != 1 || !slices.Equal(r.ErrorsSets, []int{1, 0, 0}) {
		t.Errorf("errors %+v", r)
	}
}

// TestCoverageBruteForce counts pair by pair, whatever sets overlap.
func TestCoverageBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 9).Draw(t, "classes")
		sets := make([][]int, rapid.IntRange(0, 5).Draw(t, "sets"))
		in := make([]map[int]bool, len(sets))
		for m := range sets {
			in[m] = map[int]bool{}
			for k := range n {
				if rapid.Bool().Draw(t, "in") {
					sets[m], in[m][k] = append(sets[m], k), true
				}
			}
		}
		p, sum := make([]float32, n), float32(0)
		for k := range p {
			p[k] = float32(rapid.IntRange(0, 8).Draw(t, "p"))
			sum += p[k]
		}
		if sum == 0 {
			p[0], sum = 1, 1
		}
		for k := range p {
			p[k] /= sum
		}
		label := rapid.IntRange(0, n-1).Draw(t, "label")
		c := NewCoverage(sets, n)
		c.Add(p, []int32{int32(label)})
		r := c.Result()
		var total, union, pairs float64
		by, errors, caught := make([]float64, len(sets)), 0, 0
		answer := top(p)
		for j := range n {
			for k := range n {
				if j == k {
					continue
				}
				x, held := float64(p[j])*float64(p[k]), false
				total += x
				for m := range sets {
					if in[m][j] && in[m][k] {
						by[m] += x
						held = true
					}
				}
				if held {
					union += x
					pairs++
				}
				if j == label && k == answer {
					errors++
					if held {
						caught++
					}
				}
			}
		}
		near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
		if !near(r.Confusion, total) || !near(r.All*total, union) || !near(r.Pairs, pairs/float64(n*(n-1))) || r.Errors != errors || r.ErrorsIn != caught {
			t.Fatalf("got %+v, expected confusion %v, covered %v, pairs %v, errors %d, %d covered", r, total, union, pairs, errors, caught)
		}
		for m := range by {
			if !near(r.Sets[m]*total, by[m]) {
				t.Fatalf("set %d covers %v, expected %v", m, r.Sets[m]*total, by[m])
			}
		}
	})
}
