package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// TestLayerNormLargeMean has values whose mean is 1e4 times their spread.
func TestLayerNormLargeMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const r, l = 3, 100
	x := normals(rng, r*l)
	for i := range x {
		x[i] += 1e4
	}
	one, y, z := make([]float32, l), make([]float32, len(x)), make([]float32, len(x))
	for i := range one {
		one[i] = 1
	}
	NewLayerNorm(r, l, 1e-5, false).Forward(y, x, one, nil)
	NewGroupNorm(r, 1, 1, l, 1e-5, false).Forward(z, x, one[:1], []float32{0})
	for _, out := range [][]float32{y, z} {
		for row := range r {
			sum, square := 0.0, 0.0
			for _, v := range out[row*l : (row+1)*l] {
				sum += float64(v)
				square += float64(v) * float64(v)
			}
			if m, v := sum/l, square/l; !(math.Abs(m) <= 1e-6 && math.Abs(v-1) <= 1e-4) {
				t.Errorf("row %d has mean %g and variance %g", row, m, v)
			}
		}
	}
}

// TestNormsSameBitsOnAnyCores has several pieces, the last incomplete.
func TestNormsSameBitsOnAnyCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want string
	for _, procs := range []int{1, 2, 3, 8} {
		runtime.GOMAXPROCS(procs)
		rng := rand.New(rand.NewPCG(5, 5))
		const r, l = 3*normRows + 5, 300
		x, dy, scale, bias := normals(rng, r*l), normals(rng, r*l), normals(rng, l), normals(rng, l)
		y, dx, ds, db := make([]float32, r*l), make([]float32, r*l), make([]float32, l), make([]float32, l)
		k := NewLayerNorm(r, l, 1e-5, false)
		work := make([]float32, k.Work())
		for i := range work {
			work[i] = float32(math.NaN()) // what earlier kernels left must not matter
		}
		k.Forward(y, x, scale, bias)
		k.Backward(dx, ds, db, dy, x, scale, work)
		got := fmt.Sprint(y, dx, ds, db)
		g := NewGroupNorm(r, 20, 5, 3, 1e-5, true)
		g.Forward(y, x, scale[:100], bias[:100])
		g.Backward(dx, ds[:100], db[:100], dy, x, scale[:100])
		if got += fmt.Sprint(y, dx, ds, db); want == "" {
			want = got
		} else if got != want {
			t.Errorf("GOMAXPROCS %d gives other bits", procs)
		}
	}
}

// TestLpNormalizeZero expects zeros of a line of zeros, forward and back.
func TestLpNormalizeZero(t *testing.T) {
	for _, p := range []int{1, 2} {
		x, y, dx := make([]float32, 3), []float32{7, 7, 7}, []float32{7, 7, 7}
		norm := LpNormalize(y, x, 0, 3, 1, p)
		LpNormalizeBackward(dx, []float32{1, 2, 3}, y, 0, 3, 1, p, norm)
		for i := range x {
			if y[i] != 0 || dx[i] != 0 {
				t.Errorf("p %d: y is %v and dx %v, want zeros", p, y, dx)
			}
		}
	}
}

func BenchmarkLayerNorm(b *testing.B) {
	const r, l = 2048, 384
	rng := rand.New(rand.NewPCG(5, 5))
	x, dy, scale := normals(rng, r*l), normals(rng, r*l), normals(rng, l)
	y, dx, ds, db := make([]float32, r*l), make([]float32, r*l), make([]float32, l), make([]float32, l)
	k := NewLayerNorm(r, l, 1e-5, false)
	work := make([]float32, k.Work())
	b.Run("forward", func(b *testing.B) {
		b.SetBytes(4 * r * l)
		for b.Loop() {
			k.Forward(y, x, scale, scale)
		}
	})
	b.Run("backward", func(b *testing.B) {
		b.SetBytes(4 * r * l)
		for b.Loop() {
			k.Backward(dx, ds, db, dy, x, scale, work)
		}
	})
}
