package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Settings of one step that the tests of updates share; no factor is 1.
var (
	testSGD      = SGDStep{Grad: 0.7, LR: 0.1, Momentum: 0.9, Decay: 0.01}
	testNesterov = SGDStep{Grad: 0.7, LR: 0.1, Momentum: 0.9, Decay: 0.01, Nesterov: true}
	testAdam     = AdamStep{Grad: 0.7, L2: 0.02, Beta1: 0.9, Beta2: 0.99, Eps: 1e-3, Step: 0.05, Scale: 1.5, Decay: 0.97}
	testLion     = LionStep{Grad: 0.7, Beta1: 0.9, Beta2: 0.99, LR: 0.01, Decay: 0.97}
)

// TestUpdateBits compares each pass with its plain Go twin, bit by bit.
func TestUpdateBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for name, twins := range map[string][2]func(w, x, y, z []float32){
		"SGD": {func(w, x, y, z []float32) { SGD(w, x, testSGD) }, func(w, x, y, z []float32) { sgd(w, x, testSGD) }},
		"SGDMomentum": {func(w, x, y, z []float32) { SGDMomentum(w, x, y, testSGD) },
			func(w, x, y, z []float32) { momentum(w, x, y, testSGD) }},
		"Nesterov": {func(w, x, y, z []float32) { SGDMomentum(w, x, y, testNesterov) },
			func(w, x, y, z []float32) { momentum(w, x, y, testNesterov) }},
		"Adam": {func(w, x, y, z []float32) { Adam(w, x, y, z, testAdam) }, func(w, x, y, z []float32) { adam(w, x, y, z, testAdam) }},
		"Lamb": {func(w, x, y, z []float32) { Lamb(w, x, y, z, 0.03, testAdam) },
			func(w, x, y, z []float32) { lamb(w, x, y, z, 0.03, testAdam) }},
		"Lion":  {func(w, x, y, z []float32) { Lion(w, x, y, testLion) }, func(w, x, y, z []float32) { lion(w, x, y, testLion) }},
		"Lerp":  {func(w, x, y, z []float32) { Lerp(w, x, 0.3) }, func(w, x, y, z []float32) { lerp(w, x, 0.3) }},
		"Clamp": {func(w, x, y, z []float32) { Clamp(w, 0.8) }, func(w, x, y, z []float32) { clampValues(w, -0.8, 0.8) }},
	} {
		t.Run(name, func(t *testing.T) { sameAsPlain(t, rng, twins[0], twins[1]) })
	}
}

// TestUpdateMeaning checks the formulas in float64 on plain numbers.
func TestUpdateMeaning(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	const n = 67
	w, g, m, v := normals(rng, n), normals(rng, n), normals(rng, n), normals(rng, n)
	for i := range v {
		v[i] *= v[i]
	}
	g[0], m[0] = 0, 0 // Lion stands still
	expect := func(name string, got []float32, want func(i int) float64) {
		t.Helper()
		for i, x := range got {
			if d := math.Abs(float64(x) - want(i)); !(d < 1e-5*(1+math.Abs(want(i)))) {
				t.Fatalf("%s: element %d is %g, want %g", name, i, x, want(i))
			}
		}
	}
	at := func(x []float32, i int) float64 { return float64(x[i]) }
	grad := func(decay float64) func(i int) float64 {
		return func(i int) float64 { return 0.7*at(g, i) + decay*at(w, i) }
	}

	d := grad(0.01)
	w1 := cloned(w)
	SGD(w1, g, testSGD)
	expect("SGD", w1, func(i int) float64 { return at(w, i) - 0.1*d(i) })
	for _, s := range []SGDStep{testSGD, testNesterov} {
		w1, v1 := cloned(w), cloned(m)
		SGDMomentum(w1, g, v1, s)
		u := func(i int) float64 { return 0.9*at(m, i) + d(i) }
		expect("velocity", v1, u)
		expect("SGDMomentum", w1, func(i int) float64 {
			if s.Nesterov {
				return at(w, i) - 0.1*(d(i)+0.9*u(i))
			}
			return at(w, i) - 0.1*u(i)
		})
	}

	direction := func(d func(i int) float64) (mean, square, move func(i int) float64) {
		mean = func(i int) float64 { return 0.9*at(m, i) + 0.1*d(i) }
		square = func(i int) float64 { return 0.99*at(v, i) + 0.01*d(i)*d(i) }
		return mean, square, func(i int) float64 { return 0.05 * mean(i) / (math.Sqrt(1.5*square(i)) + 1e-3) }
	}
	mean, square, move := direction(grad(0.02))
	w1, m1, v1 := cloned(w), cloned(m), cloned(v)
	Adam(w1, g, m1, v1, testAdam)
	expect("Adam m", m1, mean)
	expect("Adam v", v1, square)
	expect("Adam w", w1, func(i int) float64 { return 0.97*at(w, i) - move(i) })

	mean, square, move = direction(grad(0))
	g1, m1, v1 := cloned(g), cloned(m), cloned(v)
	Lamb(w, g1, m1, v1, 0.03, testAdam)
	expect("Lamb m", m1, mean)
	expect("Lamb v", v1, square)
	expect("Lamb direction", g1, func(i int) float64 { return move(i) + 0.03*at(w, i) })

	w1, m1 = cloned(w), cloned(m)
	Lion(w1, g, m1, testLion)
	expect("Lion m", m1, func(i int) float64 { return 0.99*at(m, i) + 0.01*0.7*at(g, i) })
	expect("Lion w", w1, func(i int) float64 {
		c, sign := 0.9*at(m, i)+0.1*0.7*at(g, i), 0.0
		if c != 0 {
			sign = math.Copysign(1, c)
		}
		return 0.97*at(w, i) - 0.01*sign
	})

	w1 = cloned(w)
	Lerp(w1, g, 0.25)
	expect("Lerp", w1, func(i int) float64 { return at(w, i) + 0.25*(at(g, i)-at(w, i)) })
	w1 = cloned(w)
	Clamp(w1, 0.5)
	expect("Clamp", w1, func(i int) float64 { return min(0.5, max(-0.5, at(w, i))) })
}
