package cluster

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func momentsOf(t testing.TB, p []float32, classes, sketch int) *Moments {
	t.Helper()
	m, err := NewMoments(classes, sketch, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Add(p); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestColumns has figures by hand. Rows (1/2, 1/2, 0) and (0, 1/4, 3/4) have the
// mean μ = (2, 3, 3)/8 and S/2 = [4 4 0; 4 5 3; 0 3 9]/32, so that the covariance
// is that minus μμᵀ = [4 6 6; 6 9 9; 6 9 9]/64: [4 2 -6; 2 1 -3; -6 -3 9]/64.
// Off the diagonal S/2 has columns (0 4 0), (4 0 3), (0 3 0) over 32, of lengths
// 4, 5 and 3; with these on the diagonal and made as long as 1 they are
// (1 1 0)/√2, (4 5 3)/√50, (0 1 1)/√2.
func TestColumns(t *testing.T) {
	m := momentsOf(t, []float32{0.5, 0.5, 0, 0, 0.25, 0.75}, 3, 0)
	for metric, want := range map[Metric][]float64{
		Covariance: {4. / 64, 2. / 64, -6. / 64, 2. / 64, 1. / 64, -3. / 64, -6. / 64, -3. / 64, 9. / 64},
		Confusion:  {math.Sqrt(0.5), math.Sqrt(0.5), 0, 4 / math.Sqrt(50), 5 / math.Sqrt(50), 3 / math.Sqrt(50), 0, math.Sqrt(0.5), math.Sqrt(0.5)},
	} {
		p, idle, err := m.Columns(metric)
		if err != nil || len(idle) > 0 || !slices.Equal(p.Of, []int{0, 1, 2}) {
			t.Fatalf("%s: %v, %v without a column, %v", metric, p, idle, err)
		}
		for i, v := range want {
			if math.Abs(float64(p.X[i])-v) > 1e-6 {
				t.Errorf("%s: value %d is %v, expected %v", metric, i, p.X[i], v)
			}
		}
	}
	if got, want := m.Mass(), []float64{2. / 8, 3. / 8, 3. / 8}; !slices.Equal(got, want) {
		t.Errorf("mean %v, expected %v", got, want)
	}
	if got, want := m.Confusion(), []float64{0, 4. / 32, 0, 4. / 32, 0, 3. / 32, 0, 3. / 32, 0}; !slices.Equal(got, want) {
		t.Errorf("confusion %v, expected %v", got, want)
	}
}

// TestSketch holds the distances of a sketch against the exact ones: 3 % is a
// deviation for 512 projections.
func TestSketch(t *testing.T) {
	const classes = 240
	p := planted(3000, classes, 8, 1)
	exact, sketch := momentsOf(t, p, classes, 0), momentsOf(t, p, classes, 512)
	for _, metric := range []Metric{Covariance, Confusion} {
		a, _, err := exact.Columns(metric)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := sketch.Columns(metric)
		if err != nil {
			t.Fatal(err)
		}
		if b.Len() != classes || b.D != 512 {
			t.Fatalf("got %d columns of %d values", b.Len(), b.D)
		}
		var squares, worst, bias float64
		n := 0
		for i := range classes {
			for j := range i {
				want := math.Sqrt(squared(a.At(i), a.At(j)))
				off := math.Sqrt(squared(b.At(i), b.At(j)))/want - 1
				squares, bias, worst = squares+off*off, bias+off, max(worst, math.Abs(off))
				n++
			}
		}
		rms := math.Sqrt(squares / float64(n))
		t.Logf("%s: distances off by %.1f %%, %.1f %% at worst", metric, 100*rms, 100*worst)
		if rms > 0.04 || worst > 0.2 || math.Abs(bias)/float64(n) > 0.02 {
			t.Errorf("%s: distances off by %.3f, %.3f at worst, %.3f on average", metric, rms, worst, bias/float64(n))
		}
	}
}

// TestMomentsOfBatches holds the bits to the rows alone, and the order of the
// rows to rounding.
func TestMomentsOfBatches(t *testing.T) {
	const classes, rows = 30, 1000
	p := planted(rows, classes, 5, 2)
	for _, sketch := range []int{0, 16} {
		want, _, err := momentsOf(t, p, classes, sketch).Columns(Confusion)
		if err != nil {
			t.Fatal(err)
		}
		procs := runtime.GOMAXPROCS(1)
		cut, _ := NewMoments(classes, sketch, 1)
		rng := rand.New(rand.NewPCG(3, 3))
		for rest := p; len(rest) > 0; {
			n := min(len(rest), classes*(1+rng.IntN(400)))
			if err := cut.Add(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		got, _, err := cut.Columns(Confusion)
		runtime.GOMAXPROCS(procs)
		if err != nil || !slices.Equal(got.X, want.X) {
			t.Errorf("sketch %d: cut into batches, on one core, it has other bits (%v)", sketch, err)
		}
		shuffled, _ := NewMoments(classes, sketch, 1)
		for _, r := range rng.Perm(rows) {
			if err := shuffled.Add(p[r*classes : (r+1)*classes]); err != nil {
				t.Fatal(err)
			}
		}
		if got, _, err = shuffled.Columns(Confusion); err != nil {
			t.Fatal(err)
		}
		for i, v := range got.X {
			if math.Abs(float64(v-want.X[i])) > 2e-5 {
				t.Fatalf("sketch %d: in another order value %d is %v, was %v", sketch, i, v, want.X[i])
			}
		}
	}
}

func TestMomentsRefuse(t *testing.T) {
	if _, err := NewMoments(1, 0, 1); err == nil || !strings.Contains(err.Error(), "at least 2") {
		t.Errorf("one class: %v", err)
	}
	nan := float32(math.NaN())
	for want, p := range map[string][]float32{
		"row 1: the probability of class 2 is NaN":  {1, 0, 0, 0, 1, nan},
		"row 2: the probability of class 0 is -0.5": {1, 0, 0, 0, 1, 0, -0.5, 1, 0.5},
		"row 0: probabilities sum to 0.5":           {0.25, 0.25, 0},
	} {
		m, err := NewMoments(3, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Add(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, expected %s", err, want)
		}
	}
	m := momentsOf(t, []float32{1, 0, 0, 0, 1, 0}, 3, 0)
	for _, metric := range []Metric{Confusion, Covariance} {
		if _, _, err := m.Columns(metric); !errors.Is(err, ErrNoConfusion) {
			t.Errorf("%s of hard predictions: %v", metric, err)
		}
	}
	if _, _, err := m.Columns("cosine"); err == nil {
		t.Error("a metric that there is not was taken")
	}
	empty, _ := NewMoments(3, 0, 1)
	if _, _, err := empty.Columns(Confusion); err == nil || !strings.Contains(err.Error(), "no predictions") {
		t.Errorf("no rows: %v", err)
	}
}

// TestIdle: class 2 is never predicted, class 3 never beside another.
func TestIdle(t *testing.T) {
	p := []float32{0.5, 0.5, 0, 0, 0.75, 0.25, 0, 0, 0, 0, 0, 1}
	for _, c := range []struct {
		metric Metric
		sketch int
		idle   []int
	}{{Confusion, 0, []int{2, 3}}, {Confusion, 8, []int{2, 3}}, {Covariance, 0, []int{2}}, {Covariance, 8, []int{2}}} {
		points, idle, err := momentsOf(t, p, 4, c.sketch).Columns(c.metric)
		if err != nil || !slices.Equal(idle, c.idle) || points.Len() != 4-len(idle) {
			t.Errorf("%s, sketch %d: idle %v, expected %v (%v)", c.metric, c.sketch, idle, c.idle, err)
		}
	}
}
