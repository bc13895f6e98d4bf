package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestGemmPacked expects the bits of Gemm from a B that was packed before.
func TestGemmPacked(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	for _, m := range []int{1, 3, 17, 130} {
		for _, n := range []int{1, 10, 32, 75, 300} {
			for _, k := range []int{1, 40, 600} {
				for _, transB := range []bool{false, true} {
					a, b, c := normals(rng, m*k), normals(rng, k*n), normals(rng, m*n)
					ldb := n
					if transB {
						ldb = k
					}
					want := slices.Clone(c)
					Gemm(false, transB, m, n, k, 1.5, a, k, b, ldb, 0.5, want, n)
					p := NewPackedB(k, n)
					p.Pack(transB, b, ldb)
					GemmPacked(false, m, 1.5, a, k, p, 0.5, c, n)
					if !slices.Equal(c, want) {
						t.Fatalf("m=%d n=%d k=%d transB=%v: other bits than Gemm", m, n, k, transB)
					}
				}
			}
		}
	}
}
