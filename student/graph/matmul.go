package graph

import "fmt"

func init() {
	Register(Op{Type: "MatMul", MinIn: 2, MaxIn: 2, Infer: inferMatMul, Build: buildMatMul, MultiplyAdds: matMulMultiplyAdds})
}

// inferMatMul gives (..., N) of A (..., K) and B (K, N).
func inferMatMul(n *Node) ([]Shape, error) {
	a, b := n.In[0].Shape, n.In[1].Shape
	if len(a) < 2 || len(b) != 2 {
		return nil, fmt.Errorf("A is %v and B is %v, expected A of rank 2 or more and B of rank 2", a, b)
	}
	k := a[len(a)-1]
	if k != b[0] {
		return nil, fmt.Errorf("A %v and B %v share no inner axis (%d and %d)", a, b, k, b[0])
	}
	if k < 0 || b[1] < 0 {
		return nil, fmt.Errorf("A %v and B %v mix the rows of the batch", a, b)
	}
	out := append(Shape{}, a...)
	out[len(out)-1] = b[1]
	return []Shape{out}, nil
}

func matMulMultiplyAdds(n *Node) int64 {
	return int64(n.Out[0].Shape.Size(1)) * int64(n.In[1].Shape[0])
}

// buildMatMul is a Gemm without C: the leading axes of A are its rows.
func buildMatMul(b *Build) (Kernel, error) {
	k, n := b.In(1)[0], b.In(1)[1]
	return &gemm{m: product(b.In(0)) / k, n: n, k: k, lda: k, ldb: n, alpha: 1}, nil
}
