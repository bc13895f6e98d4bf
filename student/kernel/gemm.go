// Package kernel holds the float32 loops of the student engine: matrix
// product, convolution, pooling, normalisation, activations, reductions and
// optimiser steps on slices.
//
// Where the CPU has AVX2 with FMA, or AVX-512, the hot loops are assembly;
// everywhere else plain Go gives the same bits. No result depends on
// GOMAXPROCS: loops are cut at fixed places and every sum has a fixed order.
//
// Wrong lengths are programmer errors and panic.
package kernel

import "sync"

// The sizes of the blocked product (Goto and van de Geijn 2008, "Anatomy of
// High-Performance Matrix Multiplication"; Van Zee and van de Geijn 2015,
// "BLIS"). kBlock decides the order of sums and must be the same for all
// variants; the others do not show in the result.
const (
	kBlock    = 256     // elements of k summed in registers at a time, at most
	packedA   = 1 << 21 // elements of A packed at a time
	packedK   = 4096    // columns of A packed at a time, at most
	taskRows  = 384     // rows of C in one task, at most
	taskFlops = 1 << 20 // multiply-adds in one task, at least where possible
	manyTasks = 16      // so many tasks are enough
	maxPieces = 32      // tasks are handed out in about so many pieces
	fewRows   = 16      // up to so many rows, B is not worth packing
	packChunk = 128     // rows of a panel of B transposed at a time
	packGrain = 1 << 14 // elements of A or B packed in one piece
	packedB   = 1 << 24 // elements of B packed once for all tasks, at most
)

// Gemm computes C = alpha·op(A)·op(B) + beta·C for row-major float32 matrices;
// op(A) is (m,k), op(B) is (k,n), C is (m,n). op is the transpose where trans
// says so. C is not read when beta is 0, A and B are not read when alpha is 0.
//
// The result does not depend on GOMAXPROCS nor on the CPU, and an element of C
// depends on its row of op(A), its column of op(B), alpha, beta and k alone:
// a row gives the same bits in a batch of one and in a batch of a thousand.
func Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	gemm(variants[0], transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func gemm(v *variant, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	multiply(v, transA, transB, m, n, k, alpha, a, lda, b, ldb, nil, beta, c, ldc)
}

// multiply is gemm; with panels B is packed already and b is not read.
func multiply(v *variant, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, panels []float32, beta float32, c []float32, ldc int) {
	if m < 0 || n < 0 || k < 0 {
		panic("kernel: Gemm: negative size")
	}
	if m == 0 || n == 0 {
		return
	}
	checkMatrix("C", m, n, ldc, c)
	if k == 0 || alpha == 0 {
		scaleMatrix(m, n, beta, c, ldc)
		return
	}
	if transA {
		checkMatrix("A", k, m, lda, a)
	} else {
		checkMatrix("A", m, k, lda, a)
	}
	switch {
	case panels != nil:
	case transB:
		checkMatrix("B", n, k, ldb, b)
	default:
		checkMatrix("B", k, n, ldb, b)
	}
	g := gemmJobs.Get().(*gemmJob)
	g.bPanels = panels
	g.v, g.transA, g.transB, g.m, g.n, g.k = v, transA, transB, m, n, k
	g.alpha, g.a, g.lda, g.b, g.ldb, g.beta, g.c, g.ldc = alpha, a, lda, b, ldb, beta, c, ldc
	g.run()
	g.a, g.b, g.c, g.bPanels = nil, nil, nil, nil
	gemmJobs.Put(g)
}

func checkMatrix(name string, rows, cols, ld int, x []float32) {
	if ld < cols {
		panic("kernel: Gemm: row stride of " + name + " is less than its width")
	}
	if len(x) < (rows-1)*ld+cols {
		panic("kernel: Gemm: " + name + " is too short")
	}
}

// scaleMatrix is C = beta·C.
func scaleMatrix(m, n int, beta float32, c []float32, ldc int) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		switch beta {
		case 0:
			clear(row)
		case 1:
		default:
			MulScalar(row, row, beta)
		}
	}
}

// gemmJob is one call of Gemm. A is packed in blocks of rows and of k, which
// all goroutines share; then each task takes a panel of columns of B, packs
// it and runs the micro kernels over its rows.
type gemmJob struct {
	v                  *variant
	transA, transB     bool
	m, n, k            int
	lda, ldb, ldc      int
	alpha, beta        float32
	a, b, c            []float32
	kParts             int // k is cut into so many blocks
	height, width      int // of the full tiles
	direct             bool
	i0, i1             int // rows packed now
	part0, part1       int // blocks of k packed now
	taskRows, panels   int
	packed             []float32
	bPanels            []float32 // B packed before, nil to pack it panel by panel
	ownPanels          []float32
	packTask, tileTask func(lo, hi int)
	panelTask          func(lo, hi int)
}

var gemmJobs = sync.Pool{New: func() any {
	g := new(gemmJob)
	g.packTask, g.tileTask, g.panelTask = g.packSlivers, g.tiles, g.packPanels
	return g
}}

// gemmWork is the memory of one task.
type gemmWork struct{ panel, tile []float32 }

var gemmWorks = sync.Pool{New: func() any { return new(gemmWork) }}

// cut is where block p of k begins.
func (g *gemmJob) cut(p int) int { return p * g.k / g.kParts }

func (g *gemmJob) run() {
	g.kParts = (g.k + kBlock - 1) / kBlock
	g.height, g.width = min(g.m, g.v.rows()), 2*g.v.lanes
	g.height = g.v.pick(g.height, 1).rows
	g.direct = !g.transB && g.m <= fewRows && g.bPanels == nil
	if g.m == 1 && g.direct {
		g.width = g.v.wide
	}
	parts := min(g.kParts, max(1, packedK*g.kParts/g.k))
	depth := (parts*g.k + g.kParts - 1) / g.kParts
	rows := max(1, packedA/depth/g.height) * g.height
	g.panels = (g.n + g.width - 1) / g.width
	if size := g.panels * g.width * g.k; g.bPanels == nil && g.m > taskRows && size <= packedB {
		if len(g.ownPanels) < size {
			g.ownPanels = make([]float32, size)
		}
		g.bPanels = g.ownPanels
		Parallel(g.panels, max(1, packGrain/(g.width*g.k)), g.panelTask)
	}
	for g.i0 = 0; g.i0 < g.m; g.i0 = g.i1 {
		g.i1 = min(g.m, g.i0+rows)
		for g.part0 = 0; g.part0 < g.kParts; g.part0 = g.part1 {
			g.part1 = min(g.kParts, g.part0+parts)
			g.phase()
		}
	}
}

// phase packs rows [i0,i1) and blocks [part0,part1) of A and multiplies them
// by all panels of B.
func (g *gemmJob) phase() {
	rows, depth := g.i1-g.i0, g.cut(g.part1)-g.cut(g.part0)
	slivers := (rows + g.height - 1) / g.height
	if need := slivers * g.height * depth; len(g.packed) < need {
		g.packed = make([]float32, need)
	}
	Parallel(slivers, max(1, packGrain/(g.height*depth)), g.packTask)

	// Rows are cut where the panels alone are too few tasks.
	row := depth * min(g.width, g.n) // multiply-adds in a row of a panel
	g.taskRows = max(rows*g.panels/manyTasks, taskFlops/row, 1)
	g.taskRows = (min(g.taskRows, rows, taskRows) + g.height - 1) / g.height * g.height
	tasks := (rows + g.taskRows - 1) / g.taskRows * g.panels
	// A product of few rows takes the time of reading B.
	Parallel(tasks, max(1, taskFlops/(row*max(fewRows, min(g.taskRows, rows))), tasks/maxPieces), g.tileTask)
}

// packPanels packs whole panels of B, for tasks that share them.
func (g *gemmJob) packPanels(lo, hi int) {
	for t := lo; t < hi; t++ {
		g.v.packPanel(g.bPanels, t*g.width, g.width, g.transB, g.k, g.n, g.b, g.ldb)
	}
}

// sliver gives the packed rows [at, at+height) of block p of k.
func (g *gemmJob) sliver(at, p int) []float32 {
	rows := (g.i1 - g.i0 + g.height - 1) / g.height * g.height
	k0 := g.cut(p)
	start := rows*(k0-g.cut(g.part0)) + (at-g.i0)*(g.cut(p+1)-k0)
	return g.packed[start:]
}

// packSlivers packs alpha·op(A) sliver by sliver; the last one has the height
// of its own kernel.
func (g *gemmJob) packSlivers(lo, hi int) {
	for s := lo; s < hi; s++ {
		at := g.i0 + s*g.height
		rows := min(g.height, g.i1-at)
		stride := g.v.pick(rows, 1).rows
		for p := g.part0; p < g.part1; p++ {
			k0, k1 := g.cut(p), g.cut(p+1)
			dst := g.sliver(at, p)[:stride*(k1-k0)]
			if g.transA {
				g.v.pack(dst, stride, g.a[k0*g.lda+at:], g.lda, rows, k1-k0, false)
			} else {
				g.v.pack(dst, stride, g.a[at*g.lda+k0:], g.lda, rows, k1-k0, true)
			}
			if g.alpha != 1 {
				MulScalar(dst, dst, g.alpha)
			}
		}
	}
}

// tiles runs tasks [lo,hi); task t is block t/panels of the packed rows and
// panel t%panels of B. A part of the rows stays in the second cache while
// panels go by.
func (g *gemmJob) tiles(lo, hi int) {
	w := gemmWorks.Get().(*gemmWork)
	if need := kBlock * g.v.wide; len(w.panel) < need {
		w.panel = make([]float32, need)
	}
	if need := g.v.rows() * g.v.wide; len(w.tile) < need {
		w.tile = make([]float32, need)
	}
	for lo < hi {
		block := lo / g.panels
		end := min(hi, (block+1)*g.panels)
		i0 := g.i0 + block*g.taskRows
		i1 := min(g.i1, i0+g.taskRows)
		for p := g.part0; p < g.part1; p++ {
			for t := lo; t < end; t++ {
				j0 := t % g.panels * g.width
				g.strip(w, p, i0, i1, j0, min(g.n, j0+g.width))
			}
		}
		lo = end
	}
	gemmWorks.Put(w)
}

// strip adds block p of k to rows [i0,i1) and columns [j0,j1) of C; the
// columns are one panel.
func (g *gemmJob) strip(w *gemmWork, p, i0, i1, j0, j1 int) {
	k0, k1 := g.cut(p), g.cut(p+1)
	beta := g.beta
	if p > 0 {
		beta = 1
	}
	cols := g.v.pick(min(g.height, i1-i0), j1-j0).cols
	panel, stride := w.panel[:cols*(k1-k0)], cols
	switch {
	case g.bPanels != nil:
		panel, stride = g.bPanels[j0*g.k+k0*g.width:], g.width
	case g.direct && j1-j0 == cols:
		panel, stride = g.b[k0*g.ldb+j0:], g.ldb
	case g.transB:
		g.v.pack(panel, stride, g.b[j0*g.ldb+k0:], g.ldb, j1-j0, k1-k0, true)
	default:
		g.v.pack(panel, stride, g.b[k0*g.ldb+j0:], g.ldb, j1-j0, k1-k0, false)
	}
	var kern *tileKernel
	for i := i0; i < i1; i += g.height {
		if kern == nil || i+g.height > i1 {
			kern = g.v.pick(min(g.height, i1-i), cols)
		}
		a, c := g.sliver(i, p), g.c[i*g.ldc+j0:]
		if i+kern.rows <= i1 && j1-j0 == kern.cols {
			kern.run(k1-k0, a, panel, stride, c, g.ldc, beta)
			continue
		}
		kern.run(k1-k0, a, panel, stride, w.tile, kern.cols, 0)
		mergeTile(min(kern.rows, i1-i), j1-j0, w.tile, kern.cols, c, g.ldc, beta)
	}
}

// mergeTile is C = beta·C + tile, rounded as the micro kernels do.
func mergeTile(rows, cols int, tile []float32, stride int, c []float32, ldc int, beta float32) {
	for i := range rows {
		src, dst := tile[i*stride:i*stride+cols], c[i*ldc:i*ldc+cols]
		if beta == 0 {
			copy(dst, src)
			continue
		}
		for j, x := range src {
			dst[j] = float32(beta*dst[j]) + x
		}
	}
}
