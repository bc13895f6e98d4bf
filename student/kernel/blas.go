package kernel

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// BLAS is gonum's implementation with Gemm in place of its own Sgemm:
//
//	blas32.Use(kernel.BLAS{})
type BLAS struct{ gonum.Implementation }

var _ blas.Float32 = BLAS{}

// Sgemm is C = alpha·op(A)·op(B) + beta·C. It panics as gonum does on wrong
// arguments.
func (b BLAS) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, bm []float32, ldb int, beta float32, c []float32, ldc int) {
	// With alpha 0 and beta 1 gonum checks its arguments and returns.
	b.Implementation.Sgemm(tA, tB, m, n, k, 0, a, lda, bm, ldb, 1, c, ldc)
	Gemm(tA != blas.NoTrans, tB != blas.NoTrans, m, n, k, alpha, a, lda, bm, ldb, beta, c, ldc)
}
