package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBatchNormLargeMean has values whose mean is 1e4 times their spread: sums
// of squares in float32 would lose the variance.
func TestBatchNormLargeMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, c, s = 16, 3, 20
	x := normals(rng, n*c*s)
	for i := range x {
		x[i] += 1e4
	}
	y, one, zero := make([]float32, len(x)), []float32{1, 1, 1}, make([]float32, c)
	b := NewBatchNorm(n*s, c, 1e-5, false)
	b.Train(y, x, nil, one, zero, nil)
	for ch := range c {
		sum, square := 0.0, 0.0
		for i, v := range y {
			if i%c == ch {
				sum += float64(v)
				square += float64(v) * float64(v)
			}
		}
		if m, v := sum/(n*s), square/(n*s); !(math.Abs(m) <= 1e-4 && math.Abs(v-1) <= 1e-3) {
			t.Errorf("channel %d has mean %g and variance %g", ch, m, v)
		}
	}
	mean, variance := b.Stats()
	stat := func(v []float64) []float32 {
		out := make([]float32, len(v))
		for i := range v {
			out[i] = float32(v[i])
		}
		return out
	}
	z := make([]float32, len(x))
	NewBatchNorm(n*s, c, 1e-5, false).Infer(z, x, nil, one, zero, stat(mean), stat(variance))
	for i := range z {
		if !(math.Abs(float64(z[i]-y[i])) <= 2e-3) {
			t.Fatalf("with the batch's statistics inference gives %g, training %g", z[i], y[i])
		}
	}
}

// TestMaxPoolTies sends the gradient to one of equals only.
func TestMaxPoolTies(t *testing.T) {
	w := Window{N: 1, C: 1, H: 2, W: 2, OH: 1, OW: 1, KH: 2, KW: 2, SH: 2, SW: 2, DH: 1, DW: 1}
	p := NewMaxPool(w)
	y, dx := make([]float32, 1), make([]float32, 4)
	p.Forward(y, []float32{1, 3, 3, 3})
	p.Backward(dx, []float32{5})
	if y[0] != 3 || !slices.Equal(dx, []float32{0, 5, 0, 0}) {
		t.Errorf("y is %v, dx %v, want 3 and the gradient at the first of equals", y, dx)
	}
	nan := float32(math.NaN())
	p.Forward(y, []float32{1, nan, 3, 2})
	if y[0] == y[0] {
		t.Errorf("a window with NaN gives %g", y[0])
	}
}

// TestColumns compares sums with loops, and bounds their memory where many
// columns are no whole vectors.
func TestColumns(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 2))
	for _, c := range []int{1, 3, 16, 40, 4099, 4112} {
		r := 7 + 70000/c
		x := normals(rng, r*c)
		s := NewColumns(r, c)
		s.Moments(x)
		first, second := make([]float64, c), make([]float64, c)
		s.Total(first, second)
		for j := range c {
			sum, square := 0.0, 0.0
			for i := j; i < len(x); i += c {
				sum += float64(x[i])
				square += float64(x[i]) * float64(x[i])
			}
			if !(math.Abs(first[j]-sum) <= 1e-9 && math.Abs(second[j]-square) <= 1e-9*square) {
				t.Fatalf("column %d of %d sums to %g and %g, want %g and %g", j, c, first[j], second[j], sum, square)
			}
		}
		if len(s.sums) > 2*columnPieces*(c+columnMost*columnWidth) {
			t.Errorf("%d columns take %d sums", c, len(s.sums))
		}
	}
	if s := NewColumns(64, 1<<20+1); len(s.sums) > 3*columnPieces<<20 {
		t.Errorf("many columns take %d sums", len(s.sums))
	}
}
