package kernel

//go:generate go run ./internal/asmgen -set gemm -out gemm_amd64.s -stubs gemm_amd64.go -pkg kernel
//go:generate go run ./internal/asmgen -set correlate -out correlate_amd64.s -stubs correlate_amd64.go -pkg kernel
//go:generate go run ./internal/asmgen -set columns -out columns_amd64.s -stubs columns_amd64.go -pkg kernel
//go:generate go run ./internal/asmgen -set vector -out vector_amd64.s -stubs vector_amd64.go -pkg kernel
//go:generate go run ./internal/asmgen -set arith -out arith_amd64.s -stubs arith_amd64.go -pkg kernel
//go:generate go run ./internal/asmgen -set math -out math_amd64.s -stubs math_amd64.go -pkg kernel
//go:generate go run ./internal/asmgen -set moments -out moments_amd64.s -stubs moments_amd64.go -pkg kernel
//go:generate go run ./internal/asmgen -set optim -out optim_amd64.s -stubs optim_amd64.go -pkg kernel

// A microKernel computes C = beta·C + A·B for a tile of C of its own fixed
// size (rows, cols). A is packed: k columns of rows elements. B is k rows,
// bstride elements apart. Each element is one chain of fused multiply-adds
// from 0 in the order of k, then beta·C is rounded and added, so all variants
// give the same bits. C is not read when beta is 0.
type microKernel func(k int, a, b []float32, bstride int, c []float32, ldc int, beta float32)

// A tileKernel is a micro kernel with its size.
type tileKernel struct {
	rows, cols int
	run        microKernel
}

// A variant is one implementation of the micro kernels and of packing.
type variant struct {
	name  string
	lanes int // columns of the narrowest kernel
	// kernels in ascending rows; those of one height in ascending cols. Every
	// height has kernels of lanes and 2·lanes columns.
	kernels []tileKernel
	wide    int         // columns of the widest kernel of one row
	peak    func(n int) // only for benchmarks: peakOps·n fused multiply-adds
	peakOps int
	// transpose is dst[p·stride+j] = src[j·ld+p] for 4 rows j and p < n, n a
	// multiple of 8; copy4 and copy16 are dst[p·stride+j] = src[p·ld+j]. They
	// are nil where plain Go does as well.
	transpose, copy4, copy16 func(dst []float32, stride int, src []float32, ld, n int)
	correlate                *correlateTiles
}

// variants are those that this CPU runs, the fastest first; the last one is
// plain Go.
var variants = append(cpuVariants(), portable)

// pick gives the smallest kernel that covers (rows, cols), or else the largest.
func (v *variant) pick(rows, cols int) *tileKernel {
	best := &v.kernels[len(v.kernels)-1]
	for i := range v.kernels {
		k := &v.kernels[i]
		if k.rows >= rows && k.cols >= cols && k.rows*k.cols < best.rows*best.cols {
			best = k
		}
	}
	return best
}

// rows is the height of the tallest kernel.
func (v *variant) rows() int { return v.kernels[len(v.kernels)-1].rows }
