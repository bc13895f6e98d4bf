package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// naiveConv visits every product of a convolution: term(y, w, x index).
func naiveConv(s ConvShape, term func(y, w, x int)) {
	cg, mg := s.C/s.Groups, s.M/s.Groups
	for n := range s.N {
		for m := range s.M {
			for o := range s.OH * s.OW {
				for k := range cg * s.KH * s.KW {
					h := o/s.OW*s.SH - s.PT + k/s.KW%s.KH*s.DH
					v := o%s.OW*s.SW - s.PL + k%s.KW*s.DW
					if h < 0 || h >= s.H || v < 0 || v >= s.W {
						continue
					}
					c := m/mg*cg + k/(s.KH*s.KW)
					term((n*s.OH*s.OW+o)*s.M+m, m*cg*s.KH*s.KW+k, ((n*s.H+h)*s.W+v)*s.C+c)
				}
			}
		}
	}
}

// convCases have several pieces and blocks of several images, the last of
// each incomplete.
var convCases = []ConvShape{
	{N: 37, C: 2, H: 10, W: 12, M: 3, KH: 3, KW: 3, OH: 10, OW: 12, SH: 1, SW: 1, DH: 1, DW: 1, PT: 1, PL: 1, Groups: 1},
	{N: 41, C: 4, H: 8, W: 8, M: 6, KH: 3, KW: 2, OH: 4, OW: 4, SH: 2, SW: 2, DH: 1, DW: 1, PT: 1, PL: 0, Groups: 2},
	{N: 50, C: 3, H: 4, W: 4, M: 5, KH: 1, KW: 1, OH: 4, OW: 4, SH: 1, SW: 1, DH: 1, DW: 1, Groups: 1},
	{N: 18, C: 3, H: 20, W: 20, M: 2, KH: 1, KW: 1, OH: 20, OW: 20, SH: 1, SW: 1, DH: 1, DW: 1, Groups: 1},
	{N: 19, C: 4, H: 9, W: 9, M: 4, KH: 3, KW: 3, OH: 9, OW: 9, SH: 1, SW: 1, DH: 1, DW: 1, PT: 1, PL: 1, Groups: 4},
	{N: 5, C: 32, H: 7, W: 9, M: 32, KH: 3, KW: 5, OH: 4, OW: 5, SH: 2, SW: 2, DH: 1, DW: 1, PT: 1, PL: 2, Groups: 32},
	{N: 3, C: 20, H: 8, W: 8, M: 20, KH: 3, KW: 3, OH: 8, OW: 8, SH: 1, SW: 1, DH: 2, DW: 2, PT: 2, PL: 2, Groups: 20},
	{N: 20, C: 16, H: 12, W: 12, M: 48, KH: 3, KW: 3, OH: 6, OW: 6, SH: 2, SW: 2, DH: 1, DW: 1, PT: 1, PL: 1, Groups: 1},
	{N: 9, C: 32, H: 9, W: 9, M: 16, KH: 1, KW: 1, OH: 5, OW: 5, SH: 2, SW: 2, DH: 1, DW: 1, Groups: 1},
	{N: 2, C: 3, H: 9, W: 11, M: 40, KH: 3, KW: 3, OH: 3, OW: 5, SH: 2, SW: 1, DH: 2, DW: 3, PT: 0, PL: 0, Groups: 1},
	{N: 2, C: 2, H: 5, W: 5, M: 3, KH: 2, KW: 2, OH: 2, OW: 2, SH: 3, SW: 3, DH: 1, DW: 1, PT: 0, PL: 1, Groups: 1},
	{N: 3, C: 3, H: 1, W: 1, M: 2, KH: 3, KW: 2, OH: 1, OW: 1, SH: 9, SW: 9, DH: 1, DW: 1, PT: 0, PL: 4, Groups: 1}, // reads padding alone
	{N: 3, C: 3, H: 2, W: 2, M: 3, KH: 1, KW: 1, OH: 2, OW: 3, SH: 5, SW: 4, DH: 1, DW: 1, PT: 5, PL: 7, Groups: 3},
	{N: 12, C: 600, H: 2, W: 2, M: 330, KH: 1, KW: 1, OH: 2, OW: 2, SH: 1, SW: 1, DH: 1, DW: 1, Groups: 1},
	{N: 1, C: 48, H: 16, W: 16, M: 80, KH: 3, KW: 3, OH: 16, OW: 16, SH: 1, SW: 1, DH: 1, DW: 1, PT: 1, PL: 1, Groups: 2},
}

func TestConvAgainstDefinition(t *testing.T) {
	for i, s := range convCases {
		rng := rand.New(rand.NewPCG(3, uint64(i)))
		k := s.C / s.Groups * s.KH * s.KW
		x, w, b := normals(rng, s.N*s.C*s.H*s.W), normals(rng, s.M*k), normals(rng, s.M)
		dy := normals(rng, s.N*s.M*s.OH*s.OW)
		var bits string
		for _, v := range variants {
			name := fmt.Sprintf("case %d, %s", i, v.name)
			if got := checkConv(t, name, v.correlate, s, x, w, b, dy); bits == "" {
				bits = got
			} else if got != bits {
				t.Errorf("%s: other bits than %s", name, variants[0].name)
			}
		}
	}
}

// checkConv runs all passes of one shape and returns their bits in words.
func checkConv(t *testing.T, name string, tiles *correlateTiles, s ConvShape, x, w, b, dy []float32) string {
	c := newConv(tiles, s, true)
	work := make([]float32, c.Work())
	for j := range work {
		work[j] = float32(math.NaN()) // what earlier kernels left must not matter
	}
	y, dx, dw, db := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w)), make([]float32, len(b))
	c.Forward(y, x, w, b, work)
	c.Backward(dx, dw, db, dy, x, w, work)

	wantY, wantX, wantW, wantB := make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(w)), make([]float64, len(b))
	for j := range wantY {
		m := j % s.M
		wantY[j] = float64(b[m])
		wantB[m] += float64(dy[j])
	}
	naiveConv(s, func(o, k, i int) {
		wantY[o] += float64(w[k]) * float64(x[i])
		wantX[i] += float64(w[k]) * float64(dy[o])
		wantW[k] += float64(x[i]) * float64(dy[o])
	})
	for _, p := range []struct {
		name string
		got  []float32
		want []float64
	}{{"y", y, wantY}, {"dx", dx, wantX}, {"dw", dw, wantW}, {"db", db, wantB}} {
		for j, v := range p.want {
			if !(math.Abs(float64(p.got[j])-v) <= 2e-4*(1+math.Abs(v))) {
				t.Errorf("%s: %s[%d] is %g, want %g", name, p.name, j, p.got[j], v)
				break
			}
		}
	}
	return fmt.Sprint(y, dx, dw, db)
}

// TestConvRowsAlone expects the bits of an image whatever the batch around it.
func TestConvRowsAlone(t *testing.T) {
	for i, s := range convCases {
		rng := rand.New(rand.NewPCG(4, uint64(i)))
		row, out := s.C*s.H*s.W, s.M*s.OH*s.OW
		x, w := normals(rng, s.N*row), normals(rng, s.M*s.C/s.Groups*s.KH*s.KW)
		run := func(n int, x []float32) []float32 {
			part := s
			part.N = n
			c := NewConv(part, false)
			y := make([]float32, n*out)
			c.Forward(y, x, w, nil, make([]float32, c.Work()))
			return y
		}
		whole := run(s.N, x)
		for n := range s.N {
			if !slices.Equal(run(1, x[n*row:(n+1)*row]), whole[n*out:(n+1)*out]) {
				t.Errorf("case %d: image %d has other bits alone", i, n)
				break
			}
		}
	}
}

func TestConvSameBitsOnAnyCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i, s := range convCases {
		var want string
		for _, procs := range []int{1, 2, 3, 8} {
			runtime.GOMAXPROCS(procs)
			rng := rand.New(rand.NewPCG(5, uint64(i)))
			x, w := normals(rng, s.N*s.C*s.H*s.W), normals(rng, s.M*s.C/s.Groups*s.KH*s.KW)
			dy := normals(rng, s.N*s.M*s.OH*s.OW)
			c := NewConv(s, true)
			work := make([]float32, c.Work())
			dx, dw, db := make([]float32, len(x)), make([]float32, len(w)), make([]float32, s.M)
			c.Backward(dx, dw, db, dy, x, w, work)
			if got := fmt.Sprint(dx, dw, db); want == "" {
				want = got
			} else if got != want {
				t.Errorf("case %d: GOMAXPROCS %d gives other bits", i, procs)
			}
		}
	}
}

// TestConvPhases has strides and kernels whose product is far beyond time.
func TestConvPhases(t *testing.T) {
	const long = 1 << 20
	for name, c := range map[string]struct{ k, stride, pad, inputs, phases, taps int }{
		"small image":  {3, long, 1, 5, 5, 2},
		"large kernel": {long, long, 0, long, long, long},
	} {
		got, taps := phases(c.k, c.stride, 1, c.pad, c.inputs), 0
		for _, p := range got {
			taps += len(p)
		}
		if len(got) != c.phases || taps != c.taps {
			t.Errorf("%s: %d phases of %d taps, want %d of %d", name, len(got), taps, c.phases, c.taps)
		}
	}
}

// TestConvMoments holds the sums that a convolution keeps to those of its
// output, also after a second pass.
func TestConvMoments(t *testing.T) {
	for i, s := range convCases {
		rng := rand.New(rand.NewPCG(6, uint64(i)))
		c := NewConv(s, true)
		moments, work := c.KeepMoments(), make([]float32, c.Work())
		x, w, y := normals(rng, s.N*s.C*s.H*s.W), normals(rng, s.M*s.C/s.Groups*s.KH*s.KW), make([]float32, s.N*s.M*s.OH*s.OW)
		c.Forward(y, x, w, nil, work)
		c.Forward(y, x, w, nil, work)
		sums, squares := make([]float64, s.M), make([]float64, s.M)
		moments.Total(sums, squares)
		for j, v := range y {
			sums[j%s.M] -= float64(v)
			squares[j%s.M] -= float64(v) * float64(v)
		}
		for m := range s.M {
			if !(math.Abs(sums[m]) <= 1e-6 && math.Abs(squares[m]) <= 1e-6) {
				t.Errorf("case %d: the sums of channel %d are off by %g and %g", i, m, sums[m], squares[m])
				break
			}
		}
	}
}
