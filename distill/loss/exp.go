package loss

import "math"

// exp is e^x for x ≤ 0 within 2 units in the last place; below -745.2 it is 0,
// and NaN for NaN. Products are rounded before they are added, so
// the result does not depend on whether the processor fuses them, as that of
// math.Exp does.
//
// With k = round(x/ln 2) and r = x − k·ln 2, |r| ≤ 0.347, e^x = 2^k·e^r, and
// e^r is its Taylor series to r¹³ (the next term is below 5e-18).
func exp(x float64) float64 {
	const (
		ln2hi = 0x1.62e42feep-1 // 32 bits: k·ln2hi is exact
		ln2lo = 0x1.a39ef35793c76p-33
	)
	if !(x > -745.2) {
		if x != x {
			return x
		}
		return 0
	}
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := float64(x-float64(k*ln2hi)) - float64(k*ln2lo)
	e := 1 + float64(r*(1+float64(r*tail(r))))
	if k < -1022 {
		return math.Ldexp(e, int(k))
	}
	return e * math.Float64frombits(uint64(int64(k)+1023)<<52)
}

// expRemainder is e^x − 1 − x for |x| ≤ 0.347, without cancellation.
func expRemainder(x float64) float64 { return x * x * tail(x) }

// tail is (e^r − 1 − r)/r² = Σ_{i=0}^{11} r^i/(i+2)!, summed in pairs, the
// pairs in pairs, and so on, so that a processor finds work side by side.
func tail(r float64) float64 {
	const (
		c2, c3, c4, c5 = 1. / 2, 1. / 6, 1. / 24, 1. / 120
		c6, c7, c8, c9 = 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880
		c10, c11, c12  = 1. / 3628800, 1. / 39916800, 1. / 479001600
		c13            = 1. / 6227020800
	)
	r2 := r * r
	r4 := r2 * r2
	lo := float64(c2+float64(c3*r)) + float64(r2*float64(c4+float64(c5*r)))
	mid := float64(c6+float64(c7*r)) + float64(r2*float64(c8+float64(c9*r)))
	hi := float64(c10+float64(c11*r)) + float64(r2*float64(c12+float64(c13*r)))
	return lo + float64(r4*float64(mid+float64(r4*hi)))
}
