//go:build !arm64 && !ppc64le && !riscv64

package kernel

import "math"

// product2x4 gives two rows of the product of a (k columns of 2, astride
// apart) and b (k rows of 4, bstride apart). Each fused multiply-add is done
// in float64: the product is exact, and rounding the sum to float64 and then
// to float32 is wrong only where settled says no.
func product2x4(k int, a []float32, astride int, b []float32, bstride int) (upper, lower [4]float32) {
	var u0, u1, u2, u3, l0, l1, l2, l3 float64 // float32 in value
	for p := range k {
		x, y := a[p*astride:p*astride+2], b[p*bstride:p*bstride+4]
		u, l := float64(x[0]), float64(x[1])
		y0, y1, y2, y3 := float64(y[0]), float64(y[1]), float64(y[2]), float64(y[3])
		v0, v1, v2, v3 := u*y0+u0, u*y1+u1, u*y2+u2, u*y3+u3
		if !(settled(v0) && settled(v1) && settled(v2) && settled(v3)) {
			v0, v1, v2, v3 = oddSum(u*y0, u0), oddSum(u*y1, u1), oddSum(u*y2, u2), oddSum(u*y3, u3)
		}
		u0, u1, u2, u3 = round(v0), round(v1), round(v2), round(v3)
		v0, v1, v2, v3 = l*y0+l0, l*y1+l1, l*y2+l2, l*y3+l3
		if !(settled(v0) && settled(v1) && settled(v2) && settled(v3)) {
			v0, v1, v2, v3 = oddSum(l*y0, l0), oddSum(l*y1, l1), oddSum(l*y2, l2), oddSum(l*y3, l3)
		}
		l0, l1, l2, l3 = round(v0), round(v1), round(v2), round(v3)
	}
	upper = [4]float32{float32(u0), float32(u1), float32(u2), float32(u3)}
	lower = [4]float32{float32(l0), float32(l1), float32(l2), float32(l3)}
	return upper, lower
}

// round gives the nearest float32.
func round(x float64) float64 { return float64(float32(x)) }

// settled says that s, rounded to float32, is not halfway between two of them
// nor subnormal.
func settled(s float64) bool {
	const half, normal = 1 << 28, (1023 - 126) << 53
	bits := math.Float64bits(s)
	return bits&(2*half-1) != half && bits<<1-1 >= normal-1 // 0 is settled
}

// oddSum is p + z rounded to odd, so that rounding it to float32 gives the sum
// rounded once (Boldo and Melquiond 2008, "Emulation of a FMA and Correctly
// Rounded Sums").
//
//go:noinline
func oddSum(p, z float64) float64 {
	s := p + z
	t := s - p
	e := (p - (s - t)) + (z - t) // s + e is the exact sum
	bits := math.Float64bits(s)
	if bits&1 == 0 && (e > 0 || e < 0) {
		if e > 0 == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return math.Float64frombits(bits)
}

// fusedMulAdd is x·y + z, rounded once.
func fusedMulAdd(x, y, z float32) float32 {
	p := float64(x) * float64(y)
	s := p + float64(z)
	if !settled(s) {
		s = oddSum(p, float64(z))
	}
	return float32(s)
}
