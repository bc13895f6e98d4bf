package cluster

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func columns(t testing.TB, p []float32, classes, sketch int, metric Metric) *Points {
	t.Helper()
	points, _, err := momentsOf(t, p, classes, sketch).Columns(metric)
	if err != nil {
		t.Fatal(err)
	}
	return points
}

func fit(t testing.TB, p *Points, k int) *KMeans {
	t.Helper()
	c, _, err := Fit(context.Background(), p, k, 1)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sorted puts sets in the order of their first class.
func sorted(sets [][]int) [][]int {
	slices.SortFunc(sets, func(a, b []int) int { return a[0] - b[0] })
	return sets
}

func same(a, b [][]int) bool {
	return slices.EqualFunc(a, b, func(x, y []int) bool { return slices.Equal(x, y) })
}

// TestPlanted wants the blocks of look-alikes back, exactly and from a sketch.
func TestPlanted(t *testing.T) {
	const classes, size = 60, 6
	p := planted(6000, classes, size, 3)
	want := blocks(classes, size)
	for _, sketch := range []int{0, 128} {
		points := columns(t, p, classes, sketch, Confusion)
		c := fit(t, points, classes/size)
		if got := sorted(c.Partition(points)); !same(got, want) {
			t.Errorf("sketch %d: got %v", sketch, got)
		}
		if got := sorted(c.Nearest(points, size)); !same(got, want) {
			t.Errorf("sketch %d: the nearest are %v", sketch, got)
		}
		best, scores, err := Choose(context.Background(), points, 7, 13, 1)
		if err != nil || best.K() != classes/size || len(scores) != 7 {
			t.Errorf("sketch %d: chose %d of %v (%v)", sketch, best.K(), scores, err)
		}
	}
	points := columns(t, p, classes, 0, Covariance) // does as well where all classes vary alike
	if got := sorted(fit(t, points, classes/size).Partition(points)); !same(got, want) {
		t.Errorf("covariance: got %v", got)
	}
}

// TestUneven: pairs of look-alikes of which some are confused far more than
// others. The variances of these are the largest values that there are, and the
// paper's metric puts all that is seldom confused together; the default does not.
func TestUneven(t *testing.T) {
	const classes = 16
	rng := rand.New(rand.NewPCG(4, 4))
	p := make([]float32, 0, 4000*classes)
	for range 4000 {
		row, c := make([]float32, classes), rng.IntN(classes)
		share := float32(0.4 * math.Pow(0.5, float64(c/2)) * rng.Float64())
		row[c], row[c^1] = 1-share, share
		p = append(p, row...)
	}
	want := blocks(classes, 2)
	points := columns(t, p, classes, 0, Confusion)
	if got := sorted(fit(t, points, classes/2).Partition(points)); !same(got, want) {
		t.Errorf("confusion: got %v", got)
	}
	points = columns(t, p, classes, 0, Covariance)
	recall, precision := together(fit(t, points, classes/2).Partition(points), want, classes)
	if recall == 1 && precision == 1 {
		t.Error("covariance finds the pairs too: the default wants another ground")
	}
	t.Logf("covariance: %.2f of the pairs found, %.2f of those found are right", recall, precision)
}

// TestFitProperties: every centre is the mean of its points, no cluster is
// empty, and no point could go where it adds less.
func TestFitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.IntRange(1, 40).Draw(t, "n"), rapid.IntRange(1, 5).Draw(t, "d")
		p := &Points{D: d, Of: make([]int, n)}
		for i := range n {
			p.Of[i] = i
			for range d {
				p.X = append(p.X, float32(rapid.IntRange(-3, 3).Draw(t, "x")))
			}
		}
		k := rapid.IntRange(1, n+2).Draw(t, "k")
		c, inertia, err := Fit(context.Background(), p, k, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		distinct := map[string]bool{}
		for i := range n {
			var key []byte
			for _, v := range p.At(i) {
				key = append(key, byte(v+10))
			}
			distinct[string(key)] = true
		}
		if c.K() != min(k, len(distinct)) {
			t.Fatalf("got %d clusters of %d points, %d of them different", c.K(), n, len(distinct))
		}
		mean, count := make([]float64, c.K()*d), make([]int, c.K())
		for i, m := range c.Of {
			count[m]++
			for j, v := range p.At(i) {
				mean[int(m)*d+j] += float64(v)
			}
		}
		var sum float64
		for m, size := range count {
			if size != c.Count[m] || size == 0 {
				t.Fatalf("cluster %d says that it has %d points, it has %d", m, c.Count[m], size)
			}
			for j := range d {
				if at := mean[m*d+j] / float64(size); math.Abs(at-c.Centre(m)[j]) > 1e-9 {
					t.Fatalf("centre %d is at %v, the mean of its points at %v", m, c.Centre(m)[j], at)
				}
			}
		}
		for i, m := range c.Of {
			sum += squared(p.At(i), c.Centre(int(m)))
			if n := float64(count[m]); n > 1 {
				own := squared(p.At(i), c.Centre(int(m))) * n / (n - 1)
				for to := range c.K() {
					if n := float64(count[to]); to != int(m) && squared(p.At(i), c.Centre(to))*n/(n+1) < own-1e-9 {
						t.Fatalf("point %d would be better in cluster %d than in %d", i, to, m)
					}
				}
			}
		}
		if math.Abs(sum-inertia) > 1e-9 {
			t.Fatalf("inertia %v, expected %v", inertia, sum)
		}
	})
}

func TestFitEdges(t *testing.T) {
	p := planted(500, 6, 3, 4)
	points := columns(t, p, 6, 0, Confusion)
	if got := fit(t, points, 1).Partition(points); !same(got, [][]int{{0, 1, 2, 3, 4, 5}}) {
		t.Errorf("k = 1: %v", got)
	}
	for _, k := range []int{6, 9} {
		if got := sorted(fit(t, points, k).Partition(points)); !same(got, [][]int{{0}, {1}, {2}, {3}, {4}, {5}}) {
			t.Errorf("k = %d: %v", k, got)
		}
	}
	if got := fit(t, points, 2).Nearest(points, 9); len(got[0]) != 6 {
		t.Errorf("9 of 6 classes each: %v", got)
	}
	twins := columns(t, []float32{0.5, 0.5, 0, 0, 0, 0, 0.5, 0.5}, 4, 0, Confusion) // two pairs of equal columns
	if got := sorted(fit(t, twins, 3).Partition(twins)); !same(got, [][]int{{0, 1}, {2, 3}}) {
		t.Errorf("equal columns: %v", got)
	}
	if _, _, err := Fit(context.Background(), points, 0, 1); err == nil {
		t.Error("k = 0 was taken")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Fit(ctx, points, 2, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestMerge: of centres 0, 2, 5 and 8 of 10, 10, 1 and 1 points the last two join
// at a cost of 9/2, where the first two, which are nearer, cost 5·4; then these
// do, at 20 and not the 20/12·4.5² = 33.75 of 2 and 6.5.
func TestMerge(t *testing.T) {
	c := &KMeans{D: 1, Centres: []float64{0, 5, 2, 8}, Count: []int{10, 1, 10, 1}, Of: []int32{0, 1, 2, 3, -1}, dist: make([]float64, 4)}
	c.MergeSingles()
	if !slices.Equal(c.Centres, []float64{0, 6.5, 2}) || !slices.Equal(c.Count, []int{10, 2, 10}) || !slices.Equal(c.Of, []int32{0, 1, 2, 1, -1}) {
		t.Errorf("no single one: %+v", c)
	}
	c.merge(2, func(int, int) bool { return true })
	if !slices.Equal(c.Centres, []float64{1, 6.5}) || !slices.Equal(c.Count, []int{20, 2}) || !slices.Equal(c.Of, []int32{0, 1, 0, 1, -1}) {
		t.Errorf("two: %+v", c)
	}
}

// TestFitProcs holds the bits to the seed, whatever the cores.
func TestFitProcs(t *testing.T) {
	points := columns(t, planted(2000, 300, 10, 5), 300, 256, Confusion)
	want := fit(t, points, 40)
	procs := runtime.GOMAXPROCS(1)
	got := fit(t, points, 40)
	runtime.GOMAXPROCS(procs)
	if !slices.Equal(got.Centres, want.Centres) || !slices.Equal(got.Of, want.Of) {
		t.Error("other cores, other clusters")
	}
}

// TestSilhouette has figures by hand: of 0, 1 | 10, 12 the outer points have
// a = 1 or 2 and b = 11, the inner ones b = 9.5 (of 10) or 10 (of 1):
// 10/11, 9/10, 7.5/9.5 and 9.5/11.5.
func TestSilhouette(t *testing.T) {
	p := &Points{D: 1, X: []float32{0, 1, 10, 12}, Of: []int{0, 1, 2, 3}}
	c := fit(t, p, 2)
	want := (10./11 + 9./10 + 7.5/9.5 + 9.5/11.5) / 4
	if got := newSilhouette(p, 1).mean(c); math.Abs(got-want) > 1e-6 {
		t.Errorf("got %v, expected %v", got, want)
	}
	if got := newSilhouette(p, 1).mean(fit(t, p, 4)); got != 0 {
		t.Errorf("points that are alone: %v, expected 0", got)
	}
}
