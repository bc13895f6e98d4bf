package graph

import (
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// MatMul is Y = A·B of the last two axes, the others broadcast; dA = dY·Bᵀ and
// dB = Aᵀ·dY, summed where broadcast.
func init() {
	Register(Op{Type: "MatMul", MinIn: 2, MaxIn: 2, Weights: []int{0, 1}, Infer: inferMatMul, Build: buildMatMul, MultiplyAdds: matMulMultiplyAdds})
}

// inferMatMul gives (..., M, N) of A (..., M, K) and B (..., K, N), whose
// leading axes broadcast. A of rank 1 is a row and B of rank 1 a column, whose
// axis the output lacks.
func inferMatMul(n *Node) ([]Shape, error) {
	a, b := n.In[0].Shape, n.In[1].Shape
	if len(a) == 0 || len(b) == 0 {
		return nil, fmt.Errorf("A is %v and B is %v, expected rank 1 or more", a, b)
	}
	k, kb := a[len(a)-1], b[max(0, len(b)-2)]
	if k != kb {
		return nil, fmt.Errorf("A %v and B %v share no inner axis (%d and %d)", a, b, k, kb)
	}
	if k < 0 {
		return nil, fmt.Errorf("A %v and B %v mix the rows of the batch", a, b)
	}
	lead, err := broadcastShapes(a[:max(0, len(a)-2)], b[:max(0, len(b)-2)])
	if err != nil {
		return nil, fmt.Errorf("leading axes of A %v and B %v do not broadcast", a, b)
	}
	if len(a) > 1 {
		lead = append(lead, a[len(a)-2])
	}
	if len(b) > 1 {
		lead = append(lead, b[len(b)-1])
	}
	return []Shape{lead}, nil
}

func matMulMultiplyAdds(n *Node) int64 {
	a := n.In[0].Shape
	return int64(n.Out[0].Shape.Size(1)) * int64(a[len(a)-1])
}

// matrices of less than so many multiply-adds share a piece of parallel work.
const matMulGrain = 1 << 16

// matMul is one Gemm for each matrix of the output: Y_i = A_i·B_i.
type matMul struct {
	m, n, k  int
	ofA, ofB []int // matrix of A and of B, by matrix of Y
	usesA    uses
	usesB    uses

	a, b, y         []float32
	dy, da, db      []float32
	fwd, bwdA, bwdB func(lo, hi int)
}

// uses lists the matrices of Y that each matrix of an operand takes part in:
// those of matrix i are list[first[i]:first[i+1]], in order.
type uses struct{ first, list []int }

func newUses(of []int, count int) uses {
	u := uses{first: make([]int, count+1), list: make([]int, len(of))}
	for _, j := range of {
		u.first[j+1]++
	}
	for j := range count {
		u.first[j+1] += u.first[j]
	}
	next := slices.Clone(u.first)
	for y, j := range of {
		u.list[next[j]] = y
		next[j]++
	}
	return u
}

func buildMatMul(b *Build) (Kernel, error) {
	a, w := b.In(0), b.In(1)
	if len(a) == 1 {
		a = []int{1, a[0]}
	}
	if len(w) == 1 {
		w = []int{w[0], 1}
	}
	k, n := a[len(a)-1], w[len(w)-1]
	leadA, leadB := a[:len(a)-2], w[:len(w)-2]
	if product(leadB) == 1 {
		// One B: the leading axes of A are further rows of one product.
		return &gemm{m: product(a) / k, n: n, k: k, lda: k, ldb: n, alpha: 1}, nil
	}
	q := &matMul{m: a[len(a)-2], n: n, k: k}
	q.ofA, q.ofB = matrices(leadA, leadB)
	q.fwd, q.bwdA, q.bwdB = q.forward, q.backwardA, q.backwardB
	if b.Training {
		q.usesA, q.usesB = newUses(q.ofA, product(leadA)), newUses(q.ofB, product(leadB))
	}
	return q, nil
}

// matrices gives the index of A's and of B's matrix for each one of Y, the
// leading axes broadcast.
func matrices(a, b []int) (ofA, ofB []int) {
	rank := max(len(a), len(b))
	ofA, ofB = []int{0}, []int{0}
	for i := rank - 1; i >= 0; i-- {
		da, db := fromEnd(a, i), fromEnd(b, i)
		var nextA, nextB []int
		for j := range ofA {
			for t := range max(da, db) {
				nextA = append(nextA, ofA[j]*da+min(t, da-1))
				nextB = append(nextB, ofB[j]*db+min(t, db-1))
			}
		}
		ofA, ofB = nextA, nextB
	}
	return ofA, ofB
}

func (q *matMul) grain() int { return max(1, matMulGrain/(q.m*q.n*q.k)) }

func (q *matMul) matrixA(i int) []float32 { return q.a[i*q.m*q.k : (i+1)*q.m*q.k] }
func (q *matMul) matrixB(i int) []float32 { return q.b[i*q.k*q.n : (i+1)*q.k*q.n] }
func (q *matMul) gradY(i int) []float32   { return q.dy[i*q.m*q.n : (i+1)*q.m*q.n] }

func (q *matMul) Forward(_ *Run, in, out [][]float32) {
	q.a, q.b, q.y = in[0], in[1], out[0]
	kernel.Parallel(len(q.ofA), q.grain(), q.fwd)
}

func (q *matMul) forward(lo, hi int) {
	for i := lo; i < hi; i++ {
		kernel.Gemm(false, false, q.m, q.n, q.k, 1, q.matrixA(q.ofA[i]), q.k, q.matrixB(q.ofB[i]), q.n, 0, q.y[i*q.m*q.n:(i+1)*q.m*q.n], q.n)
	}
}

// Backward is dA_j = Σ dY_i·B_iᵀ and dB_j = Σ A_iᵀ·dY_i over the matrices i of
// Y that used matrix j, in their order.
func (q *matMul) Backward(_ *Run, in, _, dout, din [][]float32) {
	q.a, q.b, q.dy, q.da, q.db = in[0], in[1], dout[0], din[0], din[1]
	if q.da != nil {
		kernel.Parallel(len(q.usesA.first)-1, q.grain(), q.bwdA)
	}
	if q.db != nil {
		kernel.Parallel(len(q.usesB.first)-1, q.grain(), q.bwdB)
	}
}

func (q *matMul) backwardA(lo, hi int) {
	for j := lo; j < hi; j++ {
		beta := float32(0)
		for _, i := range q.usesA.list[q.usesA.first[j]:q.usesA.first[j+1]] {
			kernel.Gemm(false, true, q.m, q.k, q.n, 1, q.gradY(i), q.n, q.matrixB(q.ofB[i]), q.n, beta, q.da[j*q.m*q.k:(j+1)*q.m*q.k], q.k)
			beta = 1
		}
	}
}

func (q *matMul) backwardB(lo, hi int) {
	for j := lo; j < hi; j++ {
		beta := float32(0)
		for _, i := range q.usesB.list[q.usesB.first[j]:q.usesB.first[j+1]] {
			kernel.Gemm(true, false, q.k, q.n, q.m, 1, q.matrixA(q.ofA[i]), q.k, q.gradY(i), q.n, beta, q.db[j*q.k*q.n:(j+1)*q.k*q.n], q.n)
			beta = 1
		}
	}
}
