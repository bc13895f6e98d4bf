package kernel

import (
	"math"

	"github.com/kdonnx/kdonnx/student/kernel/internal/coef"
)

// The functions of this file work on one stretch of a slice, on the caller's
// goroutine; a destination may be the same slice as a source. Each computes in
// float64 and rounds once to float32, so the last bit is nearly always right.

// apply is y = f(x), value by value.
func apply(y, x []float32, f func(x float64) float64) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = float32(f(float64(v)))
	}
}

// chain is dx = f'(x)·dy, value by value.
func chain(dx, dy, x []float32, slope func(x float64) float64) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		dx[i] = float32(slope(float64(v)) * float64(dy[i]))
	}
}

// Exp is y = e^x.
func Exp(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		expAVX2(y[:n], x[:n])
	}
	apply(y[n:], x[n:], exp64)
}

// Log is y = log x, −Inf of 0 and NaN below.
func Log(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		logAVX2(y[:n], x[:n])
	}
	apply(y[n:], x[n:], log64)
}

// Sigmoid is y = 1/(1+e^−x).
func Sigmoid(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		sigmoidAVX2(y[:n], x[:n])
	}
	apply(y[n:], x[n:], sigmoid64)
}

// Tanh is y = (e^x − e^−x)/(e^x + e^−x).
func Tanh(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		tanhAVX2(y[:n], x[:n])
	}
	apply(y[n:], x[n:], tanh64)
}

// Swish is y = x·σ(αx), σ(z) = 1/(1+e^−z).
func Swish(y, x []float32, alpha float32) {
	a := float64(alpha)
	n := whole(len(x))
	if n > 0 {
		swishAVX2(y[:n], x[:n], a)
	}
	apply(y[n:], x[n:], func(x float64) float64 { return swish64(x, a) })
}

// swish64 takes −MaxFloat32 for −Inf, so that the limit 0 comes out.
func swish64(x, alpha float64) float64 {
	_, s := logistic(clamp(float64(x*alpha), coef.ExpRange))
	if x < -math.MaxFloat32 {
		x = -math.MaxFloat32
	}
	return float64(x * s)
}

// SwishBackward is dx = dy·(s + z·s·(1−s)), z = αx, s = σ(z).
func SwishBackward(dx, dy, x []float32, alpha float32) {
	a := float64(alpha)
	n := whole(len(x))
	if n > 0 {
		swishBackwardAVX2(dx[:n], dy[:n], x[:n], a)
	}
	chain(dx[n:], dy[n:], x[n:], func(x float64) float64 {
		z := clamp(float64(x*a), coef.ExpRange)
		e, s := logistic(z)
		return float64(s * (float64(z*float64(e*s)) + 1))
	})
}

// Softplus is y = log(1+e^x) = max(x, 0) + log1p(e^−|x|).
func Softplus(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		softplusAVX2(y[:n], x[:n])
	}
	apply(y[n:], x[n:], softplus64)
}

// SoftplusBackward is dx = dy·σ(x).
func SoftplusBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		softplusBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	chain(dx[n:], dy[n:], x[n:], sigmoid64)
}

// Mish is y = x·tanh(log(1+e^x)) (Misra 2019, arXiv 1908.08681): with u = e^x
// and w = u·(u+2), tanh(log(1+u)) = w/(w+2).
func Mish(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		mishAVX2(y[:n], x[:n])
	}
	apply(y[n:], x[n:], mish64)
}

func mish64(x float64) float64 {
	u := exp64(clamp(x, coef.MishRange))
	w := float64(u * (u + 2))
	if x < -coef.MishRange {
		x = -coef.MishRange
	}
	return float64(x * (w / (w + 2)))
}

// MishBackward is dx = dy·(w + 4x·u·(u+1)/(w+2))/(w+2), u and w as in Mish.
func MishBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		mishBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	chain(dx[n:], dy[n:], x[n:], mishSlope)
}

func mishSlope(x float64) float64 {
	x = clamp(x, coef.MishRange)
	u := exp64(x)
	w := float64(u * (u + 2))
	i := 1 / (w + 2)
	a := float64(float64(float64(x*4)*float64(u*(u+1))) * i)
	return float64((w + a) * i)
}

// Elu is y = a·x for x > 0, and b·(e^cx − 1) elsewhere.
func Elu(y, x []float32, a, b, c float64) {
	n := whole(len(x))
	if n > 0 {
		eluAVX2(y[:n], x[:n], a, b, c)
	}
	apply(y[n:], x[n:], func(x float64) float64 {
		if x > 0 {
			return float64(x * a)
		}
		return float64(expm1(float64(x*c)) * b)
	})
}

// EluBackward is dx = dy·a for x > 0, and dy·b·c·e^cx elsewhere.
func EluBackward(dx, dy, x []float32, a, b, c float64) {
	g := float64(b * c)
	n := whole(len(x))
	if n > 0 {
		eluBackwardAVX2(dx[:n], dy[:n], x[:n], a, g, c)
	}
	chain(dx[n:], dy[n:], x[n:], func(x float64) float64 {
		if x > 0 {
			return a
		}
		return float64(exp64(float64(x*c)) * g)
	})
}

// Erf is y = 2/√π·∫₀ˣ e^(−t²) dt.
func Erf(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		erfAVX2(y[:n], x[:n])
	}
	apply(y[n:], x[n:], erf64)
}

// ErfBackward is dx = dy·2/√π·e^(−x²).
func ErfBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		erfBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	chain(dx[n:], dy[n:], x[n:], func(x float64) float64 {
		return float64(exp64(-float64(x*x)) * (2 / coef.SqrtPi))
	})
}

// Gelu is y = x·Φ(x) (Hendrycks and Gimpel 2016, arXiv 1606.08415), Φ the
// distribution function of the standard normal.
func Gelu(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		geluAVX2(y[:n], x[:n])
	}
	apply(y[n:], x[n:], func(x float64) float64 {
		if x < -coef.CDFRange {
			x = -coef.CDFRange
		}
		cdf, _ := normal(x)
		return float64(x * cdf)
	})
}

// GeluBackward is dx = dy·(Φ(x) + x·φ(x)), φ(x) = e^(−x²/2)/√2π.
func GeluBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		geluBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	chain(dx[n:], dy[n:], x[n:], func(x float64) float64 {
		x = clamp(x, coef.CDFRange)
		cdf, e := normal(x)
		return cdf + float64(float64(x*(1/(math.Sqrt2*coef.SqrtPi)))*e)
	})
}

// GeluTanh is y = ½x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) = x·σ(v) with
// v = √(8/π)·(x + 0.044715·x³).
func GeluTanh(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		geluTanhAVX2(y[:n], x[:n])
	}
	apply(y[n:], x[n:], func(x float64) float64 {
		if x < -coef.TanhRange {
			x = -coef.TanhRange
		}
		v := float64(x * (float64(float64(x*x)*(coef.Cubic*coef.Sqrt8Pi)) + coef.Sqrt8Pi))
		return float64(x * sigmoid64(v))
	})
}

// GeluTanhBackward is dx = dy·(s + x·v'·s·(1−s)), s = σ(v), v as in GeluTanh
// and v' = √(8/π)·(1 + 3·0.044715·x²).
func GeluTanhBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		geluTanhBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	chain(dx[n:], dy[n:], x[n:], func(x float64) float64 {
		x = clamp(x, coef.TanhRange)
		q := float64(x * x)
		v := float64(x * (float64(q*(coef.Cubic*coef.Sqrt8Pi)) + coef.Sqrt8Pi))
		dv := float64(x * (float64(q*(3*coef.Cubic*coef.Sqrt8Pi)) + coef.Sqrt8Pi))
		e, s := logistic(v)
		return float64(s * (float64(dv*float64(e*s)) + 1))
	})
}
