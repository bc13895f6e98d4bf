package kernel

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
)

// A problem is one call of Gemm on matrices with guard values around them.
type problem struct {
	transA, transB bool
	m, n, k        int
	lda, ldb, ldc  int
	alpha, beta    float32
	a, b, c        []float32
}

func (p *problem) String() string {
	return fmt.Sprintf("tA=%v tB=%v m=%d n=%d k=%d lda=%d ldb=%d ldc=%d alpha=%g beta=%g",
		p.transA, p.transB, p.m, p.n, p.k, p.lda, p.ldb, p.ldc, p.alpha, p.beta)
}

const guard = float32(12345.678)

// matrix gives a (rows, cols) matrix whose gaps and tail hold fill.
func matrix(rng *rand.Rand, rows, cols, ld int, fill float32) []float32 {
	x := make([]float32, rows*ld)
	for i := range x {
		x[i] = fill
	}
	for i := range rows {
		for j := range cols {
			x[i*ld+j] = float32(rng.NormFloat64())
		}
	}
	return x
}

func newProblem(rng *rand.Rand, m, n, k int, alpha, beta float32, transA, transB bool, gap int) *problem {
	p := &problem{transA: transA, transB: transB, m: m, n: n, k: k, alpha: alpha, beta: beta}
	nan := float32(math.NaN()) // a gap that is read shows
	ar, ac, br, bc := m, k, k, n
	if transA {
		ar, ac = k, m
	}
	if transB {
		br, bc = n, k
	}
	p.lda, p.ldb, p.ldc = ac+gap, bc+gap, n+gap
	p.a, p.b = matrix(rng, ar, ac, p.lda, nan), matrix(rng, br, bc, p.ldb, nan)
	p.c = matrix(rng, m+2, n, p.ldc, guard)
	for i := range p.ldc {
		p.c[i], p.c[(m+1)*p.ldc+i] = guard, guard
	}
	if beta == 0 {
		for i := range m {
			for j := range n {
				p.c[(i+1)*p.ldc+j] = nan
			}
		}
	}
	return p
}

// random gives a problem of a random shape.
func random(rng *rand.Rand) *problem {
	size := func() int {
		switch rng.IntN(8) {
		case 0:
			return 1
		case 1:
			return rng.IntN(500) + 1
		default:
			return rng.IntN(70) + 1
		}
	}
	scalars := []float32{0, 1, 1, 1, -0.75}
	return newProblem(rng, size(), size(), size(),
		scalars[rng.IntN(5)], scalars[rng.IntN(5)], rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2)*rng.IntN(9))
}

// solve runs the problem on a copy of C, rows before and behind included.
func (p *problem) solve(v *variant) []float32 {
	c := append([]float32(nil), p.c...)
	gemm(v, p.transA, p.transB, p.m, p.n, p.k, p.alpha, p.a, p.lda, p.b, p.ldb, p.beta, c[p.ldc:], p.ldc)
	return c
}

// check compares with float64; the error of a sum of k products of about unit
// size is bounded by k·2⁻²⁴ times the sum of their magnitudes.
func (p *problem) check(got []float32) error {
	for i := range p.c {
		row, col := i/p.ldc-1, i%p.ldc
		if row < 0 || row >= p.m || col >= p.n {
			if got[i] != guard {
				return fmt.Errorf("wrote outside C at (%d,%d)", row, col)
			}
			continue
		}
		var sum, size float64
		if p.alpha != 0 {
			for q := range p.k {
				ai, bi := row*p.lda+q, q*p.ldb+col
				if p.transA {
					ai = q*p.lda + row
				}
				if p.transB {
					bi = col*p.ldb + q
				}
				t := float64(p.alpha) * float64(p.a[ai]) * float64(p.b[bi])
				sum += t
				size += math.Abs(t)
			}
		}
		if p.beta != 0 {
			t := float64(p.beta) * float64(p.c[i])
			sum += t
			size += math.Abs(t)
		}
		if d := math.Abs(float64(got[i]) - sum); !(d <= float64(p.k+4)/(1<<24)*size) {
			return fmt.Errorf("C(%d,%d) = %g, want %g", row, col, got[i], sum)
		}
	}
	return nil
}

func sameBits(a, b []float32) error {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) && !(a[i] != a[i] && b[i] != b[i]) {
			return fmt.Errorf("element %d: %g and %g", i, a[i], b[i])
		}
	}
	return nil
}

func TestGemm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rounds := 250
	if raceEnabled {
		rounds = 40
	}
	for range rounds {
		p := random(rng)
		want := p.solve(portable)
		if err := p.check(want); err != nil {
			t.Fatalf("portable: %v: %v", p, err)
		}
		for _, v := range variants {
			if err := sameBits(p.solve(v), want); err != nil {
				t.Fatalf("%s and portable differ: %v: %v", v.name, p, err)
			}
		}
	}
}

// TestGemmTiles visits every micro kernel by every small tile.
func TestGemmTiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, v := range variants {
		used := map[*tileKernel]bool{}
		for m := 1; m <= 2*v.rows()+1; m++ {
			for _, n := range []int{1, 3, v.lanes, v.lanes + 1, 2 * v.lanes, 2*v.lanes + 5, v.wide, v.wide + 3} {
				for _, k := range []int{1, 4, 11} {
					p := newProblem(rng, m, n, k, 1, float32(rng.IntN(3)), rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(3))
					if err := p.check(p.solve(v)); err != nil {
						t.Fatalf("%s: %v: %v", v.name, p, err)
					}
				}
			}
		}
		for i := range v.kernels {
			k := &v.kernels[i]
			used[v.pick(k.rows, k.cols)] = true
		}
		if len(used) != len(v.kernels) {
			t.Errorf("%s: %d of %d kernels are picked for their own size", v.name, len(used), len(v.kernels))
		}
	}
}

// TestGemmBlocks crosses every border of the blocking.
func TestGemmBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, s := range [][3]int{
		{taskRows + 30, 40, kBlock + 1}, {3, 2, packedK + kBlock + 3}, {packedA/packedK + 9, 7, packedK},
		{fewRows, 300, 2 * kBlock}, {fewRows + 1, 300, 2*kBlock + 1}, {1, 700, 900},
	} {
		for mask := range 4 {
			p := newProblem(rng, s[0], s[1], s[2], 1, 0.5, mask&1 == 1, mask&2 == 2, 3)
			for _, v := range variants[:max(1, len(variants)-1)] {
				if err := p.check(p.solve(v)); err != nil {
					t.Fatalf("%s: %v: %v", v.name, p, err)
				}
			}
		}
	}
}

// TestGemmProcs wants the same bytes whatever GOMAXPROCS.
func TestGemmProcs(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	rng := rand.New(rand.NewPCG(7, 8))
	for _, s := range [][3]int{{128, 300, 784}, {700, 10, 128}, {257, 513, 300}, {1, 800, 784}} {
		for mask := range 4 {
			p := newProblem(rng, s[0], s[1], s[2], 0.5, 1, mask&1 == 1, mask&2 == 2, 1)
			var want []float32
			for _, procs := range []int{1, 2, 3, 8} {
				runtime.GOMAXPROCS(procs)
				got := p.solve(variants[0])
				if want == nil {
					want = got
				} else if err := sameBits(got, want); err != nil {
					t.Fatalf("GOMAXPROCS=%d: %v: %v", procs, p, err)
				}
			}
		}
	}
}

// TestGemmRowAlone wants a row of a batch to have the bits it has alone, and
// a column the bits it has alone.
func TestGemmRowAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	const m, n, k = 37, 141, 801
	for mask := range 4 {
		p := newProblem(rng, m, n, k, 1, 0.25, mask&1 == 1, mask&2 == 2, 0)
		all := p.solve(variants[0])
		for i := range m {
			row := *p
			row.m, row.c = 1, p.c[i*p.ldc:(i+3)*p.ldc]
			if row.a = p.a[i*p.lda:]; p.transA {
				row.a = p.a[i:]
			}
			if err := sameBits(row.solve(variants[0])[p.ldc:2*p.ldc], all[(i+1)*p.ldc:(i+2)*p.ldc]); err != nil {
				t.Fatalf("row %d: %v: %v", i, p, err)
			}
		}
		col := *p
		col.n = 1
		if col.b = p.b[5:]; p.transB {
			col.b = p.b[5*p.ldb:]
		}
		col.c = p.c[5:]
		got := col.solve(variants[0])
		for i := range m {
			if err := sameBits(got[(i+1)*p.ldc:(i+1)*p.ldc+1], all[(i+1)*p.ldc+5:(i+1)*p.ldc+6]); err != nil {
				t.Fatalf("column of row %d: %v: %v", i, p, err)
			}
		}
	}
}

// TestGemmNonFinite wants NaN and Inf in A or B to reach C, and those in C to
// be overwritten when beta is 0.
func TestGemmNonFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, v := range variants {
		for _, n := range []int{1, 9, 40} {
			a, b, c := make([]float32, 20), make([]float32, 20*n), make([]float32, n)
			for i := range b {
				b[i] = 1
			}
			a[3] = nan
			gemm(v, false, false, 1, n, 20, 1, a, 20, b, n, 0, c, n)
			if c[n-1] == c[n-1] {
				t.Errorf("%s: NaN in A lost", v.name)
			}
			a[3], b[7*n] = 0, inf // 0·Inf is NaN
			gemm(v, false, false, 1, n, 20, 1, a, 20, b, n, 0, c, n)
			if c[0] == c[0] || c[n-1] != 0 && n > 1 {
				t.Errorf("%s: 0·Inf in B gave %g and %g", v.name, c[0], c[n-1])
			}
			c[0] = inf
			gemm(v, false, false, 1, n, 0, 1, nil, 0, nil, n, 0, c, n)
			if c[0] != 0 {
				t.Errorf("%s: k=0 left %g in C", v.name, c[0])
			}
			c[0] = 2
			gemm(v, false, false, 1, n, 20, 0, a, 20, b, n, 0.5, c, n)
			if c[0] != 1 {
				t.Errorf("%s: alpha=0 gave %g, want 1", v.name, c[0])
			}
			gemm(v, false, false, 1, n, 0, 1, nil, 0, nil, n, nan, c, n)
			if c[0] == c[0] {
				t.Errorf("%s: NaN beta lost", v.name)
			}
		}
	}
}

func TestGemmPanics(t *testing.T) {
	x := make([]float32, 100)
	for name, f := range map[string]func(){
		"negative": func() { Gemm(false, false, -1, 1, 1, 1, x, 1, x, 1, 0, x, 1) },
		"lda":      func() { Gemm(false, false, 2, 2, 5, 1, x, 4, x, 2, 0, x, 2) },
		"ldb":      func() { Gemm(false, true, 2, 2, 5, 1, x, 5, x, 4, 0, x, 2) },
		"ldc":      func() { Gemm(false, false, 2, 3, 5, 1, x, 5, x, 3, 0, x, 2) },
		"short A":  func() { Gemm(true, false, 2, 2, 5, 1, x[:9], 2, x, 2, 0, x, 2) },
		"short B":  func() { Gemm(false, false, 2, 2, 5, 1, x, 5, x[:9], 2, 0, x, 2) },
		"short C":  func() { Gemm(false, false, 2, 2, 5, 1, x, 5, x, 2, 0, x[:3], 2) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// bigFMA is x·y + z rounded once, by way of a sum without any error.
func bigFMA(x, y, z float32) float32 {
	exact := func(v float32) *big.Float { return new(big.Float).SetPrec(600).SetFloat64(float64(v)) }
	p := exact(x)
	p.Mul(p, exact(y)).Add(p, exact(z))
	f, _ := p.Float32()
	return f
}

// TestFMA compares one step of each variant's sum with rounding once, on plain
// numbers and on sums next to the middle between two float32.
func TestFMA(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	twice := 0
	for i := range 40000 {
		x, y, z := float32(rng.NormFloat64()), float32(rng.NormFloat64()), float32(rng.NormFloat64())
		switch i % 4 {
		case 1: // x·y is half a unit in the last place of z, or nearly so
			z = 1 + float32(rng.IntN(1<<23))/(1<<23)
			x, y = 0x1p-12*(1+float32(rng.IntN(3)-1)*0x1p-23), 0x1p-12*(1+float32(rng.IntN(3)-1)*0x1p-23)
			if rng.IntN(2) == 0 {
				x = -x
			}
		case 2: // subnormal results
			x, y, z = x*0x1p-70, y*0x1p-70, z*0x1p-135
			if rng.IntN(2) == 0 { // or next to halfway between two of them
				x, y, z = 0x1p-75+0x1p-98, 0x1p-75-0x1p-98, float32(rng.IntN(1<<23))*0x1p-149
			}
		case 3:
			x, z = x*float32(math.Exp2(float64(rng.IntN(60)-30))), z*float32(math.Exp2(float64(rng.IntN(60)-30)))
		}
		want := bigFMA(x, y, z)
		if float32(float64(x)*float64(y)+float64(z)) != want {
			twice++
		}
		for _, v := range variants {
			if got := v.fma(x, y, z); got != want {
				t.Fatalf("%s: %x·%x + %x = %x, want %x", v.name, x, y, z, got, want)
			}
		}
	}
	if twice < 100 {
		t.Errorf("only %d cases where rounding twice shows", twice)
	}
	inf := float32(math.Inf(1))
	for _, c := range [][3]float32{{inf, 1, 0}, {inf, 0, 1}, {inf, 1, -inf}, {3e38, 3e38, -inf}, {3e38, 2, 0}, {0, -1, 0}} {
		want := float32(float64(c[0])*float64(c[1]) + float64(c[2]))
		for _, v := range variants {
			if got := v.fma(c[0], c[1], c[2]); got != want && (got == got || want == want) {
				t.Errorf("%s: %v gives %g, want %g", v.name, c, got, want)
			}
		}
	}
}

// fma is x·y + z by the variant's largest kernel, as z·1 + x·y.
func (v *variant) fma(x, y, z float32) float32 {
	k := v.kernels[len(v.kernels)-1]
	a, b, c := make([]float32, 2*k.rows), make([]float32, 2*k.cols), make([]float32, k.rows*k.cols)
	a[k.rows-1], a[2*k.rows-1], b[k.cols-1], b[2*k.cols-1] = z, x, 1, y
	k.run(2, a, b, k.cols, c, k.cols, 0)
	return c[len(c)-1]
}

// TestGemmAllocs wants no allocation once the buffers are there.
func TestGemmAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	rng := rand.New(rand.NewPCG(13, 14))
	for _, s := range [][3]int{{1, 10, 50}, {128, 200, 300}} {
		p := newProblem(rng, s[0], s[1], s[2], 1, 1, false, true, 0)
		run := func() {
			gemm(variants[0], p.transA, p.transB, p.m, p.n, p.k, p.alpha, p.a, p.lda, p.b, p.ldb, p.beta, p.c, p.ldc)
		}
		for _, procs := range []int{1, 3} {
			if n := allocations(procs, run); n > 0.5 {
				t.Errorf("GOMAXPROCS=%d: %v: %g allocations", procs, p, n)
			}
		}
	}
}

// allocations is testing.AllocsPerRun with more than one processor; a few
// calls may still start a pool of their own.
func allocations(procs int, f func()) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const runs = 1000
	for range runs {
		f()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / runs
}

// serial keeps Parallel on the caller's goroutine until the returned function
// is called.
func serial() (undo func()) {
	procs := runtime.GOMAXPROCS(1)
	return func() { runtime.GOMAXPROCS(procs) }
}
