package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// odd gives n numbers, some of them zero, negative zero, NaN, infinite or
// subnormal.
func odd(rng *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-40, -1e-42}
	x := make([]float32, n)
	for i := range x {
		if x[i] = float32(rng.NormFloat64()); rng.IntN(6) == 0 {
			x[i] = special[rng.IntN(len(special))]
		}
	}
	return x
}

// normals gives n numbers drawn from the standard normal distribution.
func normals(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func cloned(x []float32) []float32 { return append([]float32(nil), x...) }

// TestVector compares each loop with its plain Go twin, bit by bit, for all
// lengths around the assembly's step.
func TestVector(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	// Each loop works on four slices; it may change any of them.
	for name, twins := range map[string][2]func(w, x, y, z []float32){
		"Axpy": {func(w, x, y, z []float32) { Axpy(0.3, x, w) }, func(w, x, y, z []float32) { axpy(0.3, x, w) }},
		"Add":  {func(w, x, y, z []float32) { Add(w, x, y) }, func(w, x, y, z []float32) { add(w, x, y) }},
		"Mul":  {func(w, x, y, z []float32) { Mul(w, x, y) }, func(w, x, y, z []float32) { mul(w, x, y) }},
		"Relu": {func(w, x, y, z []float32) { Relu(w, x) }, func(w, x, y, z []float32) { relu(w, x) }},
		"ReluBackward": {func(w, x, y, z []float32) { ReluBackward(w, x, y) },
			func(w, x, y, z []float32) { reluBackward(w, x, y) }},
	} {
		t.Run(name, func(t *testing.T) { sameAsPlain(t, rng, twins[0], twins[1]) })
	}
}

// sameAsPlain runs a loop and its plain Go twin on the same four slices of
// each length and requires the same bits, and nothing beyond the end.
func sameAsPlain(t *testing.T, rng *rand.Rand, fastLoop, plainLoop func(w, x, y, z []float32)) {
	for n := range 140 {
		var fast, plain [4][]float32
		for i := range fast {
			fast[i] = append(odd(rng, n), guard)
			plain[i] = cloned(fast[i])
		}
		fastLoop(fast[0][:n], fast[1][:n], fast[2][:n], fast[3][:n])
		plainLoop(plain[0][:n], plain[1][:n], plain[2][:n], plain[3][:n])
		for i := range fast {
			if err := sameBits(fast[i], plain[i]); err != nil {
				t.Fatalf("length %d, slice %d: %v", n, i, err)
			}
		}
	}
}

// TestVectorMeaning checks the formulas in float64 on plain numbers.
func TestVectorMeaning(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	const n, tol = 67, 1e-5
	w, g := normals(rng, n), normals(rng, n)
	expect := func(name string, got []float32, want func(i int) float64) {
		t.Helper()
		for i, x := range got {
			if d := math.Abs(float64(x) - want(i)); !(d < tol*(1+math.Abs(want(i)))) {
				t.Fatalf("%s: element %d is %g, want %g", name, i, x, want(i))
			}
		}
	}
	f := func(x []float32, i int) float64 { return float64(x[i]) }

	y := cloned(w)
	Axpy(0.5, g, y)
	expect("Axpy", y, func(i int) float64 { return f(w, i) + 0.5*f(g, i) })
	Add(y, w, g)
	expect("Add", y, func(i int) float64 { return f(w, i) + f(g, i) })
	Mul(y, w, g)
	expect("Mul", y, func(i int) float64 { return f(w, i) * f(g, i) })
	MulScalar(y, w, 3)
	expect("MulScalar", y, func(i int) float64 { return 3 * f(w, i) })
	Relu(y, w)
	expect("Relu", y, func(i int) float64 { return max(0, f(w, i)) })
	dx := make([]float32, n)
	ReluBackward(dx, g, y)
	expect("ReluBackward", dx, func(i int) float64 {
		if w[i] > 0 {
			return f(g, i)
		}
		return 0
	})
}
