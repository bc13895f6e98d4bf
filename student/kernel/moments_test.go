package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestMoments compares each pass with its plain Go twin, bit by bit, for all
// lengths around the assembly's step.
func TestMoments(t *testing.T) {
	const mean, k, a, b = 0.37, 1.7, -0.21, 0.83
	rng := rand.New(rand.NewPCG(1, 7))
	add := func(f func(m *[momentLanes]float64)) float64 {
		var m [momentLanes]float64
		f(&m)
		return addLanes(&m)
	}
	for n := range 70 {
		x, g := odd(rng, n), odd(rng, n)
		sum, dot := projections64(g, x, mean)
		var s, d [momentLanes]float64
		projectionLanes(&s, &d, g, x, mean)
		for name, twins := range map[string][2]float64{
			"sum":        {sum64(x), add(func(m *[momentLanes]float64) { sumLanes(m, x) })},
			"squares":    {squares64(x, mean), add(func(m *[momentLanes]float64) { squareLanes(m, x, mean) })},
			"projection": {sum, addLanes(&s)},
			"dot":        {dot, addLanes(&d)},
		} {
			if twins[0] != twins[1] && !(math.IsNaN(twins[0]) && math.IsNaN(twins[1])) {
				t.Fatalf("%s of %d: %g, plain Go %g", name, n, twins[0], twins[1])
			}
		}
		fast, plain := append(make([]float32, n), guard), append(make([]float32, n), guard)
		affine64(fast[:n], x, mean, k, a)
		affineLoop(plain[:n], x, mean, k, a)
		if err := sameBits(fast, plain); err != nil {
			t.Fatalf("affine of %d: %v", n, err)
		}
		project64(fast[:n], g, x, mean, k, a, b)
		projectLoop(plain[:n], g, x, mean, k, a, b)
		if err := sameBits(fast, plain); err != nil {
			t.Fatalf("project of %d: %v", n, err)
		}
	}
}

// TestMomentsMeaning checks the sums on numbers whose results are exact.
func TestMomentsMeaning(t *testing.T) {
	const n = 35
	x, g := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i], g[i] = float32(i), float32(i%3)
	}
	sum, dot := projections64(g, x, 2)
	wantDot := 0.0
	for i := range n {
		wantDot += float64(i%3) * float64(i-2)
	}
	if sum64(x) != n*(n-1)/2 || squares64(x, 17) != n*(n*n-1)/12 || sum != 34 || dot != wantDot {
		t.Errorf("sum %g, squares %g, projections %g and %g; want %d, %d, 34 and %g", sum64(x), squares64(x, 17), sum, dot, n*(n-1)/2, n*(n*n-1)/12, wantDot)
	}
}
