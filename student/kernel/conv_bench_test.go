package kernel

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// BenchmarkConv is the layers of the nets that training is compared with, on
// one core, with their share of the multiply-add peak.
func BenchmarkConv(b *testing.B) {
	peak := fmaPeak(variants[0])
	for _, l := range []struct{ c, m, size, k, stride int }{
		{3, 32, 32, 3, 1}, {32, 32, 32, 3, 1}, {32, 64, 16, 3, 1}, {64, 64, 16, 3, 1}, {64, 128, 8, 3, 1}, {128, 128, 8, 3, 1},
		{3, 16, 32, 3, 1}, {16, 16, 32, 3, 1}, {16, 32, 32, 3, 2}, {16, 32, 32, 1, 2}, {32, 64, 16, 3, 2}, {64, 64, 8, 3, 1},
	} {
		out := l.size / l.stride
		s := ConvShape{N: 64, C: l.c, H: l.size, W: l.size, M: l.m, KH: l.k, KW: l.k, OH: out, OW: out, SH: l.stride, SW: l.stride, DH: 1, DW: 1, PT: l.k / 2, PL: l.k / 2, Groups: 1}
		rng := rand.New(rand.NewPCG(1, 1))
		x, w := normals(rng, s.N*s.C*s.H*s.W), normals(rng, s.M*s.C*s.KH*s.KW)
		y := normals(rng, s.N*s.M*s.OH*s.OW)
		dx, dw := make([]float32, len(x)), make([]float32, len(w))
		c := NewConv(s, true)
		work := make([]float32, c.Work())
		ops := float64(s.N) * float64(s.OH*s.OW) * float64(s.M*s.C*s.KH*s.KW)
		for _, pass := range []struct {
			name string
			f    func()
		}{
			{"forward", func() { c.Forward(y, x, w, nil, work) }},
			{"data-gradient", func() { c.Backward(dx, nil, nil, y, x, w, work) }},
			{"weight-gradient", func() { c.Backward(nil, dw, nil, y, x, w, work) }},
		} {
			b.Run(fmt.Sprintf("%dx%d,%d-%d,k%d,s%d/%s", l.size, l.size, l.c, l.m, l.k, l.stride, pass.name), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
				var t timing
				for b.Loop() {
					t.run(pass.f)
				}
				each := t.decile()
				b.ReportMetric(2*ops/each/1e9, "GFLOP/s")
				b.ReportMetric(ops/each/peak, "of-peak")
			})
		}
	}
}
