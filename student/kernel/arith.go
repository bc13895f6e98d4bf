package kernel

import "math"

// The loops of this file are as those of vector.go: slices of equal length, a
// destination may be a source.

// each and eachGrad are the plain loops y = f(x) and dx = f(dy, x).
func each(y, x []float32, f func(x float32) float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = f(v)
	}
}

func eachGrad(dx, dy, x []float32, f func(dy, x float32) float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		dx[i] = f(dy[i], v)
	}
}

func eachPair(dst, a, b []float32, f func(a, b float32) float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, v := range a {
		dst[i] = f(v, b[i])
	}
}

// Sub is dst = a − b.
func Sub(dst, a, b []float32) {
	n := whole(len(dst))
	if n > 0 {
		subAVX2(dst[:n], a[:n], b[:n])
	}
	eachPair(dst[n:], a[n:], b[n:], func(a, b float32) float32 {
		return a - b
	})
}

// Div is dst = a/b.
func Div(dst, a, b []float32) {
	n := whole(len(dst))
	if n > 0 {
		divAVX2(dst[:n], a[:n], b[:n])
	}
	eachPair(dst[n:], a[n:], b[n:], func(a, b float32) float32 {
		return a / b
	})
}

// Min is dst = min(a, b), a where they are equal and NaN where one is.
func Min(dst, a, b []float32) {
	n := whole(len(dst))
	if n > 0 {
		minAVX2(dst[:n], a[:n], b[:n])
	}
	eachPair(dst[n:], a[n:], b[n:], func(a, b float32) float32 {
		if b < a || b != b {
			return b
		}
		return a
	})
}

// Max is dst = max(a, b), a where they are equal and NaN where one is.
func Max(dst, a, b []float32) {
	n := whole(len(dst))
	if n > 0 {
		maxOfAVX2(dst[:n], a[:n], b[:n])
	}
	eachPair(dst[n:], a[n:], b[n:], func(a, b float32) float32 {
		if a < b || b != b {
			return b
		}
		return a
	})
}

// AddScalar is y = x + s.
func AddScalar(y, x []float32, s float32) {
	n := whole(len(x))
	if n > 0 {
		addScalarAVX2(y[:n], x[:n], s)
	}
	each(y[n:], x[n:], func(x float32) float32 {
		return x + s
	})
}

// MulScalar is y = x·s.
func MulScalar(y, x []float32, s float32) {
	n := whole(len(x))
	if n > 0 {
		mulScalarAVX2(y[:n], x[:n], s)
	}
	each(y[n:], x[n:], func(x float32) float32 {
		return x * s
	})
}

// DivScalar is y = x/s.
func DivScalar(y, x []float32, s float32) {
	n := whole(len(x))
	if n > 0 {
		divScalarAVX2(y[:n], x[:n], s)
	}
	each(y[n:], x[n:], func(x float32) float32 {
		return x / s
	})
}

// ScalarSub is y = s − x.
func ScalarSub(y, x []float32, s float32) {
	n := whole(len(x))
	if n > 0 {
		scalarSubAVX2(y[:n], x[:n], s)
	}
	each(y[n:], x[n:], func(x float32) float32 {
		return s - x
	})
}

// ScalarDiv is y = s/x.
func ScalarDiv(y, x []float32, s float32) {
	n := whole(len(x))
	if n > 0 {
		scalarDivAVX2(y[:n], x[:n], s)
	}
	each(y[n:], x[n:], func(x float32) float32 {
		return s / x
	})
}

// Sqrt is y = √x.
func Sqrt(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		sqrtAVX2(y[:n], x[:n])
	}
	each(y[n:], x[n:], func(x float32) float32 {
		return float32(math.Sqrt(float64(x)))
	})
}

// SqrtBackward is dx = ½·dy/y; x is the output y.
func SqrtBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		sqrtBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		return float32(dy*0.5) / x
	})
}

// ReciprocalBackward is dx = −dy·y²; x is the output y.
func ReciprocalBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		reciprocalBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		return float32(-dy*x) * x
	})
}

// Abs is y = |x|.
func Abs(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		absAVX2(y[:n], x[:n])
	}
	each(y[n:], x[n:], func(x float32) float32 {
		return math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	})
}

// AbsBackward is dx = dy·sign(x), 0 at 0.
func AbsBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		absBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		switch {
		case x > 0:
			return dy
		case x < 0:
			return -dy
		}
		return 0
	})
}

// DivBackward is g = −dy·a/b², what a quotient gives to its divisor.
func DivBackward(g, dy, a, b []float32) {
	dy, a, b = dy[:len(g)], a[:len(g)], b[:len(g)]
	n := whole(len(g))
	if n > 0 {
		divBackwardAVX2(g[:n], dy[:n], a[:n], b[:n])
	}
	for i := n; i < len(g); i++ {
		g[i] = float32(-dy[i]*a[i]) / b[i] / b[i]
	}
}

// MinScalar is y = min(x, s), x where they are equal and NaN where one is.
func MinScalar(y, x []float32, s float32) {
	each(y, x, func(x float32) float32 {
		if s < x || s != s {
			return s
		}
		return x
	})
}

// MaxScalar is y = max(x, s), x where they are equal and NaN where one is.
func MaxScalar(y, x []float32, s float32) {
	each(y, x, func(x float32) float32 {
		if x < s || s != s {
			return s
		}
		return x
	})
}
