//go:build arm64 || ppc64le || riscv64

package kernel

// product2x4 gives two rows of the product of a (k columns of 2, astride
// apart) and b (k rows of 4, bstride apart). On these architectures the
// compiler fuses a product and a sum; TestFMA holds it to that.
func product2x4(k int, a []float32, astride int, b []float32, bstride int) (upper, lower [4]float32) {
	var u0, u1, u2, u3, l0, l1, l2, l3 float32
	for p := range k {
		x, y := a[p*astride:p*astride+2], b[p*bstride:p*bstride+4]
		u, l := x[0], x[1]
		u0, l0 = u*y[0]+u0, l*y[0]+l0
		u1, l1 = u*y[1]+u1, l*y[1]+l1
		u2, l2 = u*y[2]+u2, l*y[2]+l2
		u3, l3 = u*y[3]+u3, l*y[3]+l3
	}
	return [4]float32{u0, u1, u2, u3}, [4]float32{l0, l1, l2, l3}
}

// fusedMulAdd is x·y + z, rounded once.
func fusedMulAdd(x, y, z float32) float32 { return x*y + z }
