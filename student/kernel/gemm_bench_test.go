package kernel

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// timing collects the times of single calls.
type timing []float64

func (t *timing) run(f func()) {
	start := time.Now()
	f()
	*t = append(*t, time.Since(start).Seconds())
}

// decile is the time that one call in ten undercuts: little touched by other
// load, and unlike the least time not by one wrong reading of the clock.
func (t timing) decile() float64 {
	slices.Sort(t)
	return t[len(t)/10]
}

// seconds is the decile of runs calls of f.
func seconds(runs int, f func()) float64 {
	var t timing
	for range runs {
		t.run(f)
	}
	return t.decile()
}

// fmaPeak measures multiply-adds per second of one core on registers alone.
func fmaPeak(v *variant) float64 {
	const rounds = 1 << 16
	t := seconds(30, func() { v.peak(rounds) })
	return float64(rounds*v.peakOps) / t
}

// BenchmarkGemmSquare is 1024³ on one core, with its ratios to the peak and to
// gonum's Sgemm.
func BenchmarkGemmSquare(b *testing.B) {
	const n = 1024
	rng := rand.New(rand.NewPCG(1, 1))
	x, y, z := matrix(rng, n, n, n, 0), matrix(rng, n, n, n, 0), make([]float32, n*n)
	one := func() func() { // the testing package sets GOMAXPROCS anew for each b.Run
		old := runtime.GOMAXPROCS(1)
		return func() { runtime.GOMAXPROCS(old) }
	}
	restore := one()
	slow := seconds(10, func() {
		gonum.Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, x, n, y, n, 0, z, n)
	})
	restore()
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			defer one()()
			var times timing
			for b.Loop() {
				times.run(func() { gemm(v, false, false, n, n, n, 1, x, n, y, n, 0, z, n) })
			}
			each := times.decile()
			b.ReportMetric(2*n*n*n/each/1e9, "GFLOP/s")
			if v.peak != nil {
				ratio := n * n * n / each / fmaPeak(v)
				if b.ReportMetric(ratio, "of-peak"); ratio > 1.02 {
					b.Errorf("%.2f of the peak cannot be: the clock or the product is wrong", ratio)
				}
			}
			b.ReportMetric(slow/each, "×gonum")
		})
	}
}

// BenchmarkGemmShapes is the products of a training step of a multilayer
// perceptron with a batch of 128, and of inference of one row.
func BenchmarkGemmShapes(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, s := range []struct {
		name           string
		m, n, k        int
		transA, transB bool
	}{
		{"forward", 128, 800, 784, false, true}, {"forward", 128, 800, 784, false, false},
		{"forward", 128, 800, 800, false, true}, {"input-gradient", 128, 800, 800, false, false},
		{"weight-gradient", 800, 784, 128, true, false}, {"weight-gradient", 784, 800, 128, true, false},
		{"forward", 128, 10, 800, false, true}, {"forward", 128, 10, 800, false, false},
		{"input-gradient", 128, 800, 10, false, false}, {"input-gradient", 128, 800, 10, false, true},
		{"weight-gradient", 10, 800, 128, true, false}, {"weight-gradient", 800, 10, 128, true, false},
		{"inference", 1, 800, 784, false, true}, {"inference", 1, 800, 784, false, false},
		{"inference", 1, 10, 800, false, true}, {"inference", 1, 10, 800, false, false},
		{"convolution", 16, 576, 25, false, false}, {"convolution", 32, 256, 144, false, false}, {"convolution", 64, 1024, 576, false, false},
	} {
		p := newProblem(rng, s.m, s.n, s.k, 1, 1, s.transA, s.transB, 0)
		tA, tB := blas.NoTrans, blas.NoTrans
		if s.transA {
			tA = blas.Trans
		}
		if s.transB {
			tB = blas.Trans
		}
		b.Run(fmt.Sprintf("%s/m=%d,n=%d,k=%d,%c%c", s.name, s.m, s.n, s.k, tA, tB), func(b *testing.B) {
			b.ReportAllocs()
			var times timing
			for b.Loop() {
				times.run(func() {
					gemm(variants[0], p.transA, p.transB, p.m, p.n, p.k, 1, p.a, p.lda, p.b, p.ldb, 0, p.c, p.ldc)
				})
			}
			each := times.decile()
			slow := seconds(20, func() {
				gonum.Implementation{}.Sgemm(tA, tB, p.m, p.n, p.k, 1, p.a, p.lda, p.b, p.ldb, 0, p.c, p.ldc)
			})
			b.ReportMetric(2*float64(p.m*p.n*p.k)/each/1e9, "GFLOP/s")
			b.ReportMetric(slow/each, "×gonum")
		})
	}
}
