package kernel

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkVector is each loop beside its plain Go twin, on the activations of
// a batch of 128 with 800 units.
func BenchmarkVector(b *testing.B) {
	const n = 128 * 800
	rng := rand.New(rand.NewPCG(1, 1))
	w, x, y, z := matrix(rng, 1, n, n, 0), matrix(rng, 1, n, n, 0), matrix(rng, 1, n, n, 0), make([]float32, n)
	step := NewAdamStep(1e-3, 0.9, 0.999, 1e-8, 0, 1)
	sgdStep := SGDStep{Grad: 1, LR: 1e-9, Momentum: 0.9}
	lionStep := LionStep{Grad: 1, Beta1: 0.9, Beta2: 0.99, LR: 1e-9, Decay: 1}
	for _, l := range []struct {
		name        string
		fast, plain func()
	}{
		{"Axpy", func() { Axpy(1e-9, x, y) }, func() { axpy(1e-9, x, y) }},
		{"Add", func() { Add(w, x, y) }, func() { add(w, x, y) }},
		{"Mul", func() { Mul(w, x, y) }, func() { mul(w, x, y) }},
		{"MulScalar", func() { MulScalar(w, w, 1) }, func() { each(w, w, func(x float32) float32 { return x * 1 }) }},
		{"Relu", func() { Relu(w, x) }, func() { relu(w, x) }},
		{"ReluBackward", func() { ReluBackward(w, x, y) }, func() { reluBackward(w, x, y) }},
		{"SGDMomentum", func() { SGDMomentum(w, x, y, sgdStep) }, func() { momentum(w, x, y, sgdStep) }},
		{"Adam", func() { Adam(w, x, y, z, step) }, func() { adam(w, x, y, z, step) }},
		{"Lion", func() { Lion(w, x, y, lionStep) }, func() { lion(w, x, y, lionStep) }},
		{"Lerp", func() { Lerp(w, x, 0.1) }, func() { lerp(w, x, 0.1) }},
		{"Clamp", func() { Clamp(w, 100) }, func() { clampValues(w, -100, 100) }},
		{"SumSquares", func() { SumSquares(x) }, func() { var m [momentLanes]float64; squareLanes(&m, x, 0) }},
	} {
		b.Run(l.name, func(b *testing.B) {
			var times timing
			for b.Loop() {
				times.run(l.fast)
			}
			each := times.decile()
			b.ReportMetric(n/each/1e9, "Gelem/s")
			b.ReportMetric(seconds(100, l.plain)/each, "×plain")
		})
	}
}
