package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Gemm is Y = alpha·op(A)·op(B) + beta·C, op the transpose where transA and
// transB say so.
func init() {
	Register(Op{Type: "Gemm", MinIn: 2, MaxIn: 3, Weights: []int{0, 1, 2}, Infer: inferGemm, Build: buildGemm, MultiplyAdds: gemmMultiplyAdds})
}

// inferGemm gives (M, N) of op(A) (M, K) and op(B) (K, N).
func inferGemm(n *Node) ([]Shape, error) {
	a, b := n.In[0].Shape, n.In[1].Shape
	if len(a) != 2 || len(b) != 2 {
		return nil, fmt.Errorf("A is %v and B is %v, expected rank 2", a, b)
	}
	m, k := a[0], a[1]
	if n.Int("transA", 0) != 0 {
		m, k = k, m
	}
	kb, cols := b[0], b[1]
	if n.Int("transB", 0) != 0 {
		kb, cols = cols, kb
	}
	if k != kb {
		return nil, fmt.Errorf("A %v and B %v share no inner axis (%d and %d)", a, b, k, kb)
	}
	if k < 0 || cols < 0 {
		return nil, fmt.Errorf("A %v and B %v mix the rows of the batch", a, b)
	}
	if n.Has(2) {
		if c, err := broadcastShapes(n.In[2].Shape, Shape{m, cols}); err != nil || c[0] != m || c[1] != cols || len(c) != 2 {
			return nil, fmt.Errorf("C is %v, expected a shape that broadcasts to (%d, %d)", n.In[2].Shape, m, cols)
		}
	}
	return []Shape{{m, cols}}, nil
}

func gemmMultiplyAdds(n *Node) int64 {
	k := n.In[0].Shape.At(1)[1]
	if n.Int("transA", 0) != 0 {
		k = n.In[0].Shape.At(1)[0]
	}
	return int64(n.Out[0].Shape.Size(1)) * int64(k)
}

// gemm is Y = alpha·op(A)·op(B) + beta·C.
type gemm struct {
	m, n, k        int
	lda, ldb       int
	transA, transB bool
	alpha, beta    float32
	c              *spreadRows     // nil without C
	b              *kernel.PackedB // of an inference plan where B is a parameter
}

func buildGemm(b *Build) (Kernel, error) {
	n := b.Node
	a, w, y := b.In(0), b.In(1), b.Out(0)
	g := &gemm{
		m: y[0], n: y[1], k: a[1], lda: a[1], ldb: w[1],
		transA: n.Int("transA", 0) != 0, transB: n.Int("transB", 0) != 0,
		alpha: n.Float("alpha", 1), beta: n.Float("beta", 1),
	}
	if g.transA {
		g.k = a[0]
	}
	if !b.Training && n.In[1].param != nil {
		g.b = kernel.NewPackedB(g.k, g.n)
	}
	if n.Has(2) && g.beta != 0 {
		g.c = newSpreadRows(b.In(2), y, g.beta)
	}
	return g, nil
}

// Prepare packs B.
func (g *gemm) Prepare(in [][]float32) {
	if g.b != nil {
		g.b.Pack(g.transB, in[1], g.ldb)
	}
}

func (g *gemm) Forward(_ *Run, in, out [][]float32) {
	y, beta := out[0], float32(0)
	if g.c != nil {
		g.c.spread(y, in[2])
		beta = 1
	}
	if g.b != nil {
		kernel.GemmPacked(g.transA, g.m, g.alpha, in[0], g.lda, g.b, beta, y, g.n)
		return
	}
	kernel.Gemm(g.transA, g.transB, g.m, g.n, g.k, g.alpha, in[0], g.lda, in[1], g.ldb, beta, y, g.n)
}

// Backward, with dY (M, N):
//
//	d op(A) = alpha·dY·op(B)ᵀ, d op(B) = alpha·op(A)ᵀ·dY, dC = beta·dY summed where C was broadcast
func (g *gemm) Backward(_ *Run, in, _, dout, din [][]float32) {
	a, b, dy := in[0], in[1], dout[0]
	if da := din[0]; da != nil {
		if g.transA {
			kernel.Gemm(g.transB, true, g.k, g.m, g.n, g.alpha, b, g.ldb, dy, g.n, 0, da, g.lda)
		} else {
			kernel.Gemm(false, !g.transB, g.m, g.k, g.n, g.alpha, dy, g.n, b, g.ldb, 0, da, g.lda)
		}
	}
	if db := din[1]; db != nil {
		if g.transB {
			kernel.Gemm(true, g.transA, g.n, g.k, g.m, g.alpha, dy, g.n, a, g.lda, 0, db, g.ldb)
		} else {
			kernel.Gemm(!g.transA, false, g.k, g.n, g.m, g.alpha, a, g.lda, dy, g.n, 0, db, g.ldb)
		}
	}
	if len(din) > 2 && din[2] != nil {
		if g.c == nil {
			clear(din[2])
			return
		}
		g.c.sum(din[2], dy)
	}
}

// spreadRows broadcasts C to (M, N), times beta, and sums back.
type spreadRows struct {
	rows, cols int
	sr, sc     int // strides of C: 0 where it is broadcast
	beta       float32
	acc        []float64
}

func newSpreadRows(c, y []int, beta float32) *spreadRows {
	s := &spreadRows{rows: y[0], cols: y[1], beta: beta, acc: make([]float64, product(c))}
	if k := len(c); k > 0 && c[k-1] > 1 {
		s.sc = 1
	}
	if k := len(c); k > 1 && c[k-2] > 1 {
		s.sr = c[k-1]
	}
	return s
}

func (s *spreadRows) spread(y, c []float32) {
	for r := range s.rows {
		row, at := y[r*s.cols:(r+1)*s.cols], r*s.sr
		if s.sc == 1 && s.beta == 1 {
			copy(row, c[at:])
			continue
		}
		for j := range row {
			row[j] = s.beta * c[at+j*s.sc]
		}
	}
}

// sum is dc = beta·Σdy over the broadcast axes, in float64, rows in order.
func (s *spreadRows) sum(dc, dy []float32) {
	clear(s.acc)
	for r := range s.rows {
		row := dy[r*s.cols : (r+1)*s.cols]
		if s.sc == 1 {
			acc := s.acc[r*s.sr : r*s.sr+s.cols]
			for j, v := range row {
				acc[j] += float64(v)
			}
			continue
		}
		for _, v := range row {
			s.acc[r*s.sr] += float64(v)
		}
	}
	for i, v := range s.acc {
		dc[i] = s.beta * float32(v)
	}
}
