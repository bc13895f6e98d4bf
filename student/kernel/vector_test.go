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

func cloned(x []float32) []float32 { return append([]float32(nil), x...) }

// TestVector compares each loop with its plain Go twin, bit by bit, for all
// lengths around the assembly's step.
func TestVector(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	step := NewAdamStep(1e-3, 0.9, 0.999, 1e-8, 0.01, 3)
	// Each loop works on four slices; it may change any of them.
	for name, twins := range map[string][2]func(w, x, y, z []float32){
		"Axpy":  {func(w, x, y, z []float32) { Axpy(0.3, x, w) }, func(w, x, y, z []float32) { axpy(0.3, x, w) }},
		"Add":   {func(w, x, y, z []float32) { Add(w, x, y) }, func(w, x, y, z []float32) { add(w, x, y) }},
		"Mul":   {func(w, x, y, z []float32) { Mul(w, x, y) }, func(w, x, y, z []float32) { mul(w, x, y) }},
		"Scale": {func(w, x, y, z []float32) { Scale(-1.7, w) }, func(w, x, y, z []float32) { scale(-1.7, w) }},
		"Relu":  {func(w, x, y, z []float32) { Relu(w, x) }, func(w, x, y, z []float32) { relu(w, x) }},
		"ReluBackward": {func(w, x, y, z []float32) { ReluBackward(w, x, y) },
			func(w, x, y, z []float32) { reluBackward(w, x, y) }},
		"SGDMomentum": {func(w, x, y, z []float32) { SGDMomentum(w, x, y, 0.1, 0.9, 0.01, false) },
			func(w, x, y, z []float32) { sgd(w, x, y, 0.1, 0.9, 0.01, false) }},
		"Nesterov": {func(w, x, y, z []float32) { SGDMomentum(w, x, y, 0.1, 0.9, 0.01, true) },
			func(w, x, y, z []float32) { sgd(w, x, y, 0.1, 0.9, 0.01, true) }},
		"Adam": {func(w, x, y, z []float32) { Adam(w, x, y, z, step) }, func(w, x, y, z []float32) { adam(w, x, y, z, step) }},
		"Dot": {func(w, x, y, z []float32) { copy(w, []float32{Dot(x, y)}) },
			func(w, x, y, z []float32) {
				var sums [dotLanes]float32
				n := len(x) &^ (dotLanes - 1)
				dot(&sums, x[:n], y[:n])
				copy(w, []float32{dotTotal(&sums, x[n:], y[n:])})
			}},
	} {
		t.Run(name, func(t *testing.T) {
			for n := range 140 {
				var fast, plain [4][]float32
				for i := range fast {
					fast[i] = append(odd(rng, n), guard)
					plain[i] = cloned(fast[i])
				}
				twins[0](fast[0][:n], fast[1][:n], fast[2][:n], fast[3][:n])
				twins[1](plain[0][:n], plain[1][:n], plain[2][:n], plain[3][:n])
				for i := range fast {
					if err := sameBits(fast[i], plain[i]); err != nil {
						t.Fatalf("length %d, slice %d: %v", n, i, err)
					}
				}
			}
		})
	}
}

// TestVectorMeaning checks the formulas in float64 on plain numbers.
func TestVectorMeaning(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	const n, tol = 67, 1e-5
	slice := func() []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	w, g, m, v := slice(), slice(), slice(), slice()
	for i := range v {
		v[i] *= v[i]
	}
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
	copy(y, w)
	Scale(3, y)
	expect("Scale", y, func(i int) float64 { return 3 * f(w, i) })
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
	var dotWant float64
	for i := range w {
		dotWant += f(w, i) * f(g, i)
	}
	expect("Dot", []float32{Dot(w, g)}, func(int) float64 { return dotWant })

	for _, nesterov := range []bool{false, true} {
		w1, v1 := cloned(w), cloned(m)
		SGDMomentum(w1, g, v1, 0.1, 0.9, 0.01, nesterov)
		d := func(i int) float64 { return f(g, i) + 0.01*f(w, i) }
		u := func(i int) float64 { return 0.9*f(m, i) + d(i) }
		expect("momentum", v1, u)
		expect("SGDMomentum", w1, func(i int) float64 {
			if nesterov {
				return f(w, i) - 0.1*(d(i)+0.9*u(i))
			}
			return f(w, i) - 0.1*u(i)
		})
	}

	const lr, b1, b2, eps, wd, step = 0.01, 0.9, 0.999, 1e-8, 0.1, 5
	w1, m1, v1 := cloned(w), cloned(m), cloned(v)
	Adam(w1, g, m1, v1, NewAdamStep(lr, b1, b2, eps, wd, step))
	mean := func(i int) float64 { return b1*f(m, i) + (1-b1)*f(g, i) }
	square := func(i int) float64 { return b2*f(v, i) + (1-b2)*f(g, i)*f(g, i) }
	expect("Adam m", m1, mean)
	expect("Adam v", v1, square)
	expect("Adam w", w1, func(i int) float64 {
		mh, vh := mean(i)/(1-math.Pow(b1, step)), square(i)/(1-math.Pow(b2, step))
		return f(w, i) - lr*(mh/(math.Sqrt(vh)+eps)+wd*f(w, i))
	})
}

func TestRows(t *testing.T) {
	const m, n = 5, 13
	a, bias, sums := make([]float32, m*n), make([]float32, n), make([]float32, n)
	for i := range a {
		a[i] = float32(i)
	}
	for j := range bias {
		bias[j] = float32(100 * j)
	}
	SumRows(sums, a, m, n)
	for j, s := range sums {
		if want := float32(m*j + n*m*(m-1)/2); s != want {
			t.Errorf("SumRows: column %d is %g, want %g", j, s, want)
		}
	}
	AddBiasRows(a, m, n, bias)
	for i, x := range a {
		if want := float32(i + 100*(i%n)); x != want {
			t.Errorf("AddBiasRows: element %d is %g, want %g", i, x, want)
		}
	}
	SumRows(sums, nil, 0, n)
	for j, s := range sums {
		if s != 0 {
			t.Errorf("SumRows of no rows: column %d is %g", j, s)
		}
	}
}
