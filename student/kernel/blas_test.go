package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// TestBLAS compares with gonum's Sgemm.
func TestBLAS(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	op := map[bool][]blas.Transpose{false: {blas.NoTrans}, true: {blas.Trans, blas.ConjTrans}}
	for range 60 {
		p := random(rng)
		for _, tA := range op[p.transA] {
			for _, tB := range op[p.transB] {
				want, got := cloned(p.c), cloned(p.c)
				gonum.Implementation{}.Sgemm(tA, tB, p.m, p.n, p.k, p.alpha, p.a, p.lda, p.b, p.ldb, p.beta, want[p.ldc:], p.ldc)
				BLAS{}.Sgemm(tA, tB, p.m, p.n, p.k, p.alpha, p.a, p.lda, p.b, p.ldb, p.beta, got[p.ldc:], p.ldc)
				for i := range want {
					if d := want[i] - got[i]; !(d < 1e-3 && d > -1e-3) {
						t.Fatalf("%v: element %d is %g, gonum has %g", p, i, got[i], want[i])
					}
				}
			}
		}
	}
}

// TestBLASPanics wants gonum's own message for each wrong argument.
func TestBLASPanics(t *testing.T) {
	x := make([]float32, 64)
	type sgemm func(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int)
	message := func(f func(sgemm), s sgemm) (msg string) {
		defer func() { msg = fmt.Sprint(recover()) }()
		f(s)
		return
	}
	for i, f := range []func(sgemm){
		func(s sgemm) { s('x', 'N', 2, 2, 2, 1, x, 2, x, 2, 0, x, 2) },
		func(s sgemm) { s('N', 'x', 2, 2, 2, 1, x, 2, x, 2, 0, x, 2) },
		func(s sgemm) { s('N', 'N', -1, 2, 2, 1, x, 2, x, 2, 0, x, 2) },
		func(s sgemm) { s('N', 'N', 2, -1, 2, 1, x, 2, x, 2, 0, x, 2) },
		func(s sgemm) { s('N', 'N', 2, 2, -1, 1, x, 2, x, 2, 0, x, 2) },
		func(s sgemm) { s('N', 'N', 2, 2, 3, 1, x, 2, x, 2, 0, x, 2) },
		func(s sgemm) { s('T', 'N', 3, 2, 2, 1, x, 2, x, 2, 0, x, 2) },
		func(s sgemm) { s('N', 'T', 2, 2, 3, 1, x, 3, x, 2, 0, x, 2) },
		func(s sgemm) { s('N', 'N', 2, 3, 2, 1, x, 2, x, 3, 0, x, 2) },
		func(s sgemm) { s('N', 'N', 2, 2, 2, 1, x[:3], 2, x, 2, 0, x, 2) },
		func(s sgemm) { s('N', 'N', 2, 2, 2, 0, x, 2, x[:3], 2, 0, x, 2) },
		func(s sgemm) { s('N', 'N', 2, 2, 2, 1, x, 2, x, 2, 1, x[:3], 2) },
	} {
		want, got := message(f, gonum.Implementation{}.Sgemm), message(f, BLAS{}.Sgemm)
		if want == "<nil>" || got != want {
			t.Errorf("case %d: panic %q, gonum's is %q", i, got, want)
		}
	}
}
