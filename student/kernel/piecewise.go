package kernel

// The activations of this file need no transcendental function. Slices are of
// equal length; a destination may be a source.

// unit is min(max(t, 0), 1); NaN stays.
func unit(t float32) float32 {
	if t > 1 {
		t = 1
	}
	if t < 0 {
		t = 0
	}
	return t
}

// LeakyRelu is y = x for x ≥ 0 and alpha·x below.
func LeakyRelu(y, x []float32, alpha float32) {
	n := whole(len(x))
	if n > 0 {
		leakyReluAVX2(y[:n], x[:n], alpha)
	}
	each(y[n:], x[n:], func(x float32) float32 {
		if x < 0 {
			return x * alpha
		}
		return x
	})
}

// LeakyReluBackward is dx = dy where x ≥ 0 and alpha·dy below.
func LeakyReluBackward(dx, dy, x []float32, alpha float32) {
	n := whole(len(x))
	if n > 0 {
		leakyReluBackwardAVX2(dx[:n], dy[:n], x[:n], alpha)
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		if x < 0 {
			return dy * alpha
		}
		return dy
	})
}

// PReluSlope is dx = dy·x where x < 0 and 0 elsewhere: what each value adds to the
// gradient of its slope.
func PReluSlope(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		preluSlopeAVX2(dx[:n], dy[:n], x[:n])
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		if x < 0 {
			return dy * x
		}
		return 0
	})
}

// Clip is y = min(max(x, lo), hi), and hi where hi < lo, as ONNX has it.
func Clip(y, x []float32, lo, hi float32) {
	n := whole(len(x))
	if n > 0 {
		clipAVX2(y[:n], x[:n], lo, hi)
	}
	each(y[n:], x[n:], func(x float32) float32 {
		if x < lo {
			x = lo
		}
		if x > hi {
			x = hi
		}
		return x
	})
}

// ClipBackward is dx = dy where lo < x < hi and 0 elsewhere.
func ClipBackward(dx, dy, x []float32, lo, hi float32) {
	n := whole(len(x))
	if n > 0 {
		clipBackwardAVX2(dx[:n], dy[:n], x[:n], lo, hi)
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		if x <= lo || x >= hi {
			return 0
		}
		return dy
	})
}

// HardSigmoid is y = min(max(alpha·x + beta, 0), 1).
func HardSigmoid(y, x []float32, alpha, beta float32) {
	n := whole(len(x))
	if n > 0 {
		hardSigmoidAVX2(y[:n], x[:n], alpha, beta)
	}
	each(y[n:], x[n:], func(x float32) float32 {
		return unit(float32(x*alpha) + beta)
	})
}

// HardSigmoidBackward is dx = alpha·dy where 0 < y < 1 and 0 elsewhere; x is the
// output y.
func HardSigmoidBackward(dx, dy, x []float32, alpha float32) {
	n := whole(len(x))
	if n > 0 {
		hardSigmoidBackwardAVX2(dx[:n], dy[:n], x[:n], alpha)
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		if x > 0 && x < 1 {
			return dy * alpha
		}
		return 0
	})
}

// HardSwish is y = x·min(max(alpha·x + beta, 0), 1).
func HardSwish(y, x []float32, alpha, beta float32) {
	n := whole(len(x))
	if n > 0 {
		hardSwishAVX2(y[:n], x[:n], alpha, beta)
	}
	each(y[n:], x[n:], func(x float32) float32 {
		return unit(float32(x*alpha)+beta) * x
	})
}

// HardSwishBackward is, with t = alpha·x + beta, dx = dy·(t + alpha·x) where
// 0 < t < 1, dy above and 0 below.
func HardSwishBackward(dx, dy, x []float32, alpha, beta float32) {
	n := whole(len(x))
	if n > 0 {
		hardSwishBackwardAVX2(dx[:n], dy[:n], x[:n], alpha, beta)
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		a := float32(x * alpha)
		t := a + beta
		switch {
		case t <= 0:
			return 0
		case t >= 1:
			return dy
		}
		return (t + a) * dy
	})
}

// Threshold is y = x where x > alpha and 0 elsewhere.
func Threshold(y, x []float32, alpha float32) {
	n := whole(len(x))
	if n > 0 {
		thresholdAVX2(y[:n], x[:n], alpha)
	}
	each(y[n:], x[n:], func(x float32) float32 {
		if x > alpha {
			return x
		}
		return 0
	})
}

// ThresholdBackward is dx = dy where x > alpha and 0 elsewhere.
func ThresholdBackward(dx, dy, x []float32, alpha float32) {
	n := whole(len(x))
	if n > 0 {
		thresholdBackwardAVX2(dx[:n], dy[:n], x[:n], alpha)
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		if x > alpha {
			return dy
		}
		return 0
	})
}

// Softsign is y = x/(1 + |x|).
func Softsign(y, x []float32) {
	n := whole(len(x))
	if n > 0 {
		softsignAVX2(y[:n], x[:n])
	}
	each(y[n:], x[n:], func(x float32) float32 {
		return x / (max(x, -x) + 1)
	})
}

// SoftsignBackward is dx = dy/(1 + |x|)².
func SoftsignBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		softsignBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		d := max(x, -x) + 1
		return dy / d / d
	})
}

// SigmoidBackward is dx = dy·y·(1−y); x is the output y.
func SigmoidBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		sigmoidBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		return float32(dy*x) * (1 - x)
	})
}

// TanhBackward is dx = dy·(1−y²); x is the output y.
func TanhBackward(dx, dy, x []float32) {
	n := whole(len(x))
	if n > 0 {
		tanhBackwardAVX2(dx[:n], dy[:n], x[:n])
	}
	eachGrad(dx[n:], dy[n:], x[n:], func(dy, x float32) float32 {
		return dy * (1 - float32(x*x))
	})
}

// PRelu is y = x where x ≥ 0 and s·x below.
func PRelu(y, x, s []float32) {
	y, s = y[:len(x)], s[:len(x)]
	n := whole(len(x))
	if n > 0 {
		preluAVX2(y[:n], x[:n], s[:n])
	}
	for i := n; i < len(x); i++ {
		v := x[i]
		if v < 0 {
			v *= s[i]
		}
		y[i] = v
	}
}

// PReluBackward is dx = dy where x ≥ 0 and s·dy below.
func PReluBackward(dx, dy, x, s []float32) {
	dx, dy, s = dx[:len(x)], dy[:len(x)], s[:len(x)]
	n := whole(len(x))
	if n > 0 {
		preluBackwardAVX2(dx[:n], dy[:n], x[:n], s[:n])
	}
	for i := n; i < len(x); i++ {
		g := dy[i]
		if x[i] < 0 {
			g *= s[i]
		}
		dx[i] = g
	}
}
