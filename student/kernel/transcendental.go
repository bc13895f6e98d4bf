package kernel

import (
	"math"

	"github.com/kdonnx/kdonnx/student/kernel/internal/coef"
)

// The functions of this file are the plain Go twins, value by value, of the
// assembly's: float64 without fused multiply-add, the same operations in the
// same order, so that every CPU gives the same bits. Rounded to float32 their
// errors are at most 0.52 units in the last place, but for results below
// 1e-37, which have fewer places.

const expShift = 3 << 51 // adding it rounds a float64 to the nearest integer

// clamp is min(max(x, −r), r); NaN stays.
func clamp(x, r float64) float64 {
	if x < -r {
		return -r
	}
	if x > r {
		return r
	}
	return x
}

// expParts gives p and s with e^x = p·s + s, s a power of 2: x = k·ln2 + r with
// |r| ≤ ln2/2, s = 2^k, p = e^r − 1. x is in ±ExpRange.
func expParts(x float64) (p, s float64) {
	t := float64(x*(1/math.Ln2)) + expShift
	r := x - float64((t-expShift)*math.Ln2)
	c := &coef.Exp
	p = float64(c[6]*r) + c[5]
	p = float64(p*r) + c[4]
	p = float64(p*r) + c[3]
	p = float64(p*r) + c[2]
	p = float64(p*r) + c[1]
	p = float64(p*r) + c[0]
	return float64(p * r), math.Float64frombits(math.Float64bits(t)<<52 + 1023<<52)
}

// exp64 is e^x with x cut to ±ExpRange, to a relative 2.4e-10.
func exp64(x float64) float64 {
	p, s := expParts(clamp(x, coef.ExpRange))
	return float64(p*s) + s
}

// expm1 is e^x − 1 without cancellation near 0.
func expm1(x float64) float64 {
	p, s := expParts(clamp(x, coef.ExpRange))
	return float64(p*s) + (s - 1)
}

// logistic gives e^−x and 1/(1+e^−x).
func logistic(x float64) (e, s float64) {
	e = exp64(-x)
	return e, 1 / (e + 1)
}

func sigmoid64(x float64) float64 {
	_, s := logistic(x)
	return s
}

// tanh64 is (e^2x − 1)/(e^2x + 1) of |x|.
func tanh64(x float64) float64 {
	a := math.Abs(x)
	e := expm1(a + a)
	return math.Copysign(e/(e+2), x)
}

// log64 is the natural logarithm: x = 2^k·m with √½ ≤ m < √2, f = m − 1,
// s = f/(2+f), log m = 2·atanh(s). x is a float32 or at least normal.
func log64(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	const root = 0x3fe6a09e667f3bcd // √½
	b := math.Float64bits(x)
	d := b - root
	k := float64(int64(d) >> 52)
	f := math.Float64frombits(b-d&(0xfff<<52)) - 1
	s := f / (f + 2)
	z := float64(s * s)
	c := &coef.Log
	r := float64(c[6]*z) + c[5]
	r = float64(r*z) + c[4]
	r = float64(r*z) + c[3]
	r = float64(r*z) + c[2]
	r = float64(r*z) + c[1]
	r = float64(r*z) + c[0]
	r = float64(r * z)
	return float64(s*(r+2)) + float64(k*math.Ln2)
}

// softplus64 is log(1+e^x) = max(x, 0) + log1p(e^−|x|), where log1p(u) is
// 2·atanh(u/(2+u)).
func softplus64(x float64) float64 {
	u := exp64(-math.Abs(x))
	s := u / (u + 2)
	z := float64(s * s)
	c := &coef.Log1p
	p := float64(c[5]*z) + c[4]
	p = float64(p*z) + c[3]
	p = float64(p*z) + c[2]
	p = float64(p*z) + c[1]
	p = float64(p*z) + c[0]
	if x < 0 {
		x = 0
	}
	return float64(p*(s+s)) + x
}

// erfcx is e^(z²)·erfc(z) for z ≥ 0, given t = 1/(1 + ErfcP·z).
func erfcx(t float64) float64 {
	c := &coef.Erfc
	p := c[10]
	for i := 9; i >= 0; i-- {
		p = float64(p*t) + c[i]
	}
	return float64(p * t)
}

// erf64 is 1 − erfc|x| with the sign of x, and Taylor's series near 0.
func erf64(x float64) float64 {
	a, q := math.Abs(x), float64(x*x)
	var y float64
	if a < 0.25 {
		c := &coef.Erf
		y = float64(c[4]*q) + c[3]
		y = float64(y*q) + c[2]
		y = float64(y*q) + c[1]
		y = float64(y*q) + c[0]
		y = float64(y * a)
	} else {
		t := 1 / (float64(a*coef.ErfcP) + 1)
		y = 1 - float64(erfcx(t)*exp64(-q))
	}
	return math.Copysign(y, x)
}

// normal gives Φ(x) = ½·erfc(−x/√2), accurate in the lower tail too, and
// e^(−x²/2); x is at least −CDFRange.
func normal(x float64) (cdf, e float64) {
	a := math.Abs(x)
	e = exp64(float64(float64(x*x) * -0.5))
	t := 1 / (float64(a*(coef.ErfcP*math.Sqrt2/2)) + 1)
	h := float64(float64(erfcx(t)*0.5) * e)
	if x < 0 {
		return h, e
	}
	return 1 - h, e
}

// pow64 is x^y as C has it, to a relative 3e-10 where the result is a float32.
func pow64(x, y float64) float64 {
	if y == 0 || x == 1 {
		return 1
	}
	if x != x || y != y {
		return math.NaN()
	}
	a := math.Abs(x)
	whole := y == math.Trunc(y)
	odd := whole && math.Abs(y) < 1<<53 && int64(y)&1 != 0
	var r float64
	switch {
	case a == 1 || x < 0 && !whole && a <= math.MaxFloat64:
		return pow1(x, odd, whole)
	case a == 0 || a > math.MaxFloat64:
		if (a == 0) == (y > 0) {
			r = 0
		} else {
			r = math.Inf(1)
		}
	default:
		r = exp64(float64(y * log64(a)))
	}
	if x < 0 && odd || x == 0 && odd && math.Signbit(x) {
		r = -r
	}
	return r
}

// pow1 is (±1)^y, or NaN of a negative base with a fraction for exponent.
func pow1(x float64, odd, whole bool) float64 {
	switch {
	case !whole:
		return math.NaN()
	case odd && x < 0:
		return -1
	}
	return 1
}
