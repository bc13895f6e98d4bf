package kernel

// PackedB is a matrix B (k,n) in the order in which the tiles of Gemm read it,
// for many products with the same B.
type PackedB struct {
	k, n   int
	v      *variant
	panels []float32 // each of 2·lanes columns, k rows, the last filled up with 0
}

// NewPackedB makes room for a matrix (k,n).
func NewPackedB(k, n int) *PackedB {
	v := variants[0]
	width := 2 * v.lanes
	return &PackedB{k: k, n: n, v: v, panels: make([]float32, (n+width-1)/width*width*k)}
}

// Pack takes op(B) (k,n) from b.
func (p *PackedB) Pack(transB bool, b []float32, ldb int) {
	if transB {
		checkMatrix("B", p.n, p.k, ldb, b)
	} else {
		checkMatrix("B", p.k, p.n, ldb, b)
	}
	width := 2 * p.v.lanes
	for j := 0; j < p.n; j += width {
		p.v.packPanel(p.panels, j, width, transB, p.k, p.n, b, ldb)
	}
}

// GemmPacked is Gemm with a packed B; it gives the same bits.
func GemmPacked(transA bool, m int, alpha float32, a []float32, lda int, b *PackedB, beta float32, c []float32, ldc int) {
	multiply(b.v, transA, false, m, b.n, b.k, alpha, a, lda, nil, 0, b.panels, beta, c, ldc)
}
