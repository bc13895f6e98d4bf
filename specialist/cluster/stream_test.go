package cluster

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// streamed clusters the rows of p, read in an order of each pass.
func streamed(t *testing.T, p []float32, classes, k int) *KMeans {
	t.Helper()
	r := NewReservoir(classes, 1)
	r.Add(p)
	sample := fit(t, r.Points(), k)
	c, err := r.Stream(context.Background(), sample, 5, func(pass int, f func([]int, []float32) error) error {
		for _, i := range rand.New(rand.NewPCG(1, uint64(pass))).Perm(len(p) / classes) {
			if err := f([]int{i}, p[i*classes:(i+1)*classes]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestStream finds planted blocks in the predictions themselves, of which it has
// seen a sample first.
func TestStream(t *testing.T) {
	const classes, rows = 9, 6000 // more rows than the reservoir has
	rng := rand.New(rand.NewPCG(2, 2))
	p := make([]float32, 0, rows*classes)
	for range rows {
		row := make([]float32, classes)
		block := rng.IntN(3) * 3
		for k := range 3 {
			row[block+k] = 0.2 + 0.1*float32(rng.Float64())
		}
		rest := 1 - row[block] - row[block+1] - row[block+2]
		row[block+rng.IntN(3)] += rest
		p = append(p, row...)
	}
	c := streamed(t, p, classes, 3)
	want := blocks(classes, 3)
	if got := sorted(c.Holding(0.9, 0)); !same(got, want) {
		t.Errorf("those with 0.9 of the mass: %v", got)
	}
	if got := sorted(c.Holding(0.9, 3)); !same(got, want) {
		t.Errorf("the 3 first: %v", got)
	}
	total := 0
	for _, n := range c.Count {
		total += n
	}
	if total != rows || slices.Contains(c.Of, -1) {
		t.Errorf("%d of %d rows are in a cluster", total, rows)
	}
}

// TestHolding: the fewest classes with a share of the mass, the first among
// equals, none without any. The first centre has masses of 0.64, 0.3 and 0.04.
func TestHolding(t *testing.T) {
	c := &KMeans{D: 4, Centres: []float64{0.8, 0.55, 0.2, 0, 0.5, 0.5, 0.5, 0.5}, Count: []int{1, 1}}
	for _, h := range []struct {
		share float64
		n     int
		want  [][]int
	}{{0.9, 0, [][]int{{0, 1}, {0, 1, 2, 3}}}, {0.4, 0, [][]int{{0}, {0, 1}}}, {1, 0, [][]int{{0, 1, 2}, {0, 1, 2, 3}}}, {0, 3, [][]int{{0, 1, 2}, {0, 1, 2}}}, {0, 4, [][]int{{0, 1, 2}, {0, 1, 2, 3}}}} {
		if got := c.Holding(h.share, h.n); !same(got, h.want) {
			t.Errorf("share %v, n %d: %v, expected %v", h.share, h.n, got, h.want)
		}
	}
}

// TestReservoir: every row of the stream is as likely as another to be kept, and
// its number stays with it.
func TestReservoir(t *testing.T) {
	const rows = 20000
	r := NewReservoir(1, 3)
	for i := range rows {
		r.Add([]float32{float32(i) * float32(i)})
	}
	p := r.Points()
	if p.Len() != 4096 {
		t.Fatalf("kept %d rows", p.Len())
	}
	late := 0
	seen := map[int]bool{}
	for i, row := range p.Of {
		if p.At(i)[0] != float32(row) || seen[row] {
			t.Fatalf("row %d has the value %v, twice: %v", row, p.At(i)[0], seen[row])
		}
		seen[row] = true
		if row >= rows/2 {
			late++
		}
	}
	if late < 1920 || late > 2176 { // 2048 ± 4 deviations of 32
		t.Errorf("%d of 4096 are of the second half", late)
	}
}

func TestStreamOfOtherRows(t *testing.T) {
	r := NewReservoir(2, 1)
	r.Add([]float32{1, 0, 0, 1})
	_, err := r.Stream(context.Background(), fit(t, r.Points(), 2), 1, func(_ int, f func([]int, []float32) error) error {
		return f([]int{2}, []float32{1, 0})
	})
	if err == nil || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("got %v", err)
	}
}
