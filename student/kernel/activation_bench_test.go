package kernel

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkActivation is each loop beside its plain Go twin, on the
// activations of a batch of 128 with 800 units.
func BenchmarkActivation(b *testing.B) {
	const n = 128 * 800
	rng := rand.New(rand.NewPCG(1, 1))
	x, y := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i], y[i] = float32(4*rng.NormFloat64()), float32(rng.NormFloat64())
	}
	w := make([]float32, n)
	for _, name := range []string{"Exp", "Log", "Sigmoid", "Tanh", "Swish", "SwishBackward", "Softplus", "Mish", "MishBackward", "Elu",
		"Erf", "Gelu", "GeluBackward", "GeluTanh", "GeluTanhBackward", "HardSwish", "HardSwishBackward", "LeakyRelu", "Softmax",
		"SoftmaxBackward", "LogSoftmax", "LogSoftmaxBackward", "Sum", "Div"} {
		f := twinLoops[name]
		b.Run(name, func(b *testing.B) {
			var times timing
			for b.Loop() {
				times.run(func() { f(w, x, y, y) })
			}
			each := times.decile()
			b.ReportMetric(n/each/1e9, "Gelem/s")
			withoutAVX2(func() { b.ReportMetric(seconds(3, func() { f(w, x, y, y) })/each, "×plain") })
		})
	}
}
