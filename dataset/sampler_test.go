package dataset_test

import (
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// TestHalves: each epoch has every row of the one half once and as many of the
// others; over the epochs the others come equally often, in another choice and
// order each time; an epoch is the same whenever it is asked for.
func TestHalves(t *testing.T) {
	list := func(from, n int) (rows []int) {
		for i := range n {
			rows = append(rows, from+i)
		}
		return rows
	}
	for _, c := range []struct{ one, others, epochs int }{{10, 90, 9}, {10, 95, 40}, {30, 7, 11}, {1, 1, 3}, {5, 0, 2}} {
		s := dataset.Halves(list(100, c.one), list(0, c.others), 3)
		times := map[int]int{}
		var before []int
		for e := range c.epochs {
			rows := s.Epoch(e)
			if len(rows) != s.Len() || !slices.Equal(rows, dataset.Halves(list(100, c.one), list(0, c.others), 3).Epoch(e)) {
				t.Fatalf("%+v: epoch %d has %d rows of %d, or others the second time", c, e, len(rows), s.Len())
			}
			ones := 0
			for _, r := range rows {
				times[r]++
				if r >= 100 {
					ones++
				}
			}
			if want := s.Len() - ones; ones != c.one || c.others > 0 && want != c.one {
				t.Errorf("%+v: epoch %d has %d of the one half and %d others", c, e, ones, want)
			}
			if len(rows) > 8 && slices.Equal(rows, before) {
				t.Errorf("%+v: epoch %d is the one before", c, e)
			}
			before = rows
		}
		for r := range c.others {
			if exact := float64(c.epochs*c.one) / float64(c.others); float64(times[r]) < exact-1 || float64(times[r]) > exact+1 {
				t.Errorf("%+v: row %d came %d times, expected %.1f", c, r, times[r], exact)
			}
		}
		for r := range c.one {
			if times[100+r] != c.epochs {
				t.Errorf("%+v: row %d came %d times in %d epochs", c, 100+r, times[100+r], c.epochs)
			}
		}
	}
	if a, b := dataset.Halves([]int{1}, []int{2, 3}, 1), dataset.Halves([]int{1, 2}, []int{3}, 1); a.String() == b.String() || a.String() == dataset.Halves([]int{1}, []int{2, 3}, 2).String() {
		t.Error("two samplers have one name")
	}
}
