package kernel

import "math"

// The functions of this file work on one stretch of a slice, on the caller's
// goroutine; a destination may be the same slice as a source. Transcendental
// functions are computed in float64 without fused multiply-add, so that every
// CPU gives the same bits.

// Coefficients of exp on |r| ≤ ln2/2: the Taylor series to r⁹, whose error is
// below 1e-11.
const (
	expShift = 3 << 51 // adding it rounds a float64 to the nearest integer
	expLog2e = 1 / math.Ln2
	expLow   = -104 // below, exp underflows float32
	expHigh  = 89   // above, exp overflows float32
)

// Exp is e^x rounded to float32.
func Exp(x float32) float32 { return float32(exp64(float64(x))) }

// exp64 is e^x to about 1e-11, 0 below expLow and +Inf above expHigh.
func exp64(x float64) float64 {
	switch {
	case x != x:
		return x
	case x < expLow:
		return 0
	case x > expHigh:
		return math.Inf(1)
	}
	k := float64(float64(x*expLog2e)+expShift) - expShift
	r := x - float64(k*math.Ln2)
	p := 1.0 / 362880
	p = float64(p*r) + 1.0/40320
	p = float64(p*r) + 1.0/5040
	p = float64(p*r) + 1.0/720
	p = float64(p*r) + 1.0/120
	p = float64(p*r) + 1.0/24
	p = float64(p*r) + 1.0/6
	p = float64(p*r) + 0.5
	p = float64(p*r) + 1
	p = float64(p*r) + 1
	return p * math.Float64frombits(uint64(int64(k)+1023)<<52)
}

// LeakyRelu is y = x for x ≥ 0 and alpha·x below.
func LeakyRelu(y, x []float32, alpha float32) {
	y = y[:len(x)]
	for i, v := range x {
		if v < 0 {
			v *= alpha
		}
		y[i] = v
	}
}

// LeakyReluBackward is dx = dy where x ≥ 0 and alpha·dy below.
func LeakyReluBackward(dx, dy, x []float32, alpha float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		g := dy[i]
		if v < 0 {
			g *= alpha
		}
		dx[i] = g
	}
}

// Clip is y = min(max(x, lo), hi), and hi where hi < lo, as ONNX has it.
func Clip(y, x []float32, lo, hi float32) {
	y = y[:len(x)]
	for i, v := range x {
		if v < lo {
			v = lo
		}
		if v > hi {
			v = hi
		}
		y[i] = v
	}
}

// ClipBackward is dx = dy where lo < x < hi and 0 elsewhere.
func ClipBackward(dx, dy, x []float32, lo, hi float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		g := dy[i]
		if v <= lo || v >= hi {
			g = 0
		}
		dx[i] = g
	}
}

// Sigmoid is y = 1/(1+e^−x).
func Sigmoid(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = float32(1 / (1 + exp64(-float64(v))))
	}
}

// SigmoidBackward is dx = dy·y·(1−y).
func SigmoidBackward(dx, dy, y []float32) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		dx[i] = dy[i] * v * (1 - v)
	}
}

// Tanh is y = (e^x − e^−x)/(e^x + e^−x).
func Tanh(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = tanh(v)
	}
}

// tanh uses 1 − 2/(e^2|x| + 1), and x − x³/3 + 2x⁵/15 near 0 where that cancels.
func tanh(x float32) float32 {
	a := math.Abs(float64(x))
	var t float64
	if a < 0.01 {
		s := a * a
		t = a - float64(a*s)*(1.0/3-float64(s*(2.0/15)))
	} else {
		t = 1 - 2/(exp64(2*a)+1)
	}
	return float32(math.Copysign(t, float64(x)))
}

// TanhBackward is dx = dy·(1−y²).
func TanhBackward(dx, dy, y []float32) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		dx[i] = dy[i] * (1 - float32(v*v))
	}
}
