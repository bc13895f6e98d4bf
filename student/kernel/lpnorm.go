package kernel

import "math"

// LpNormalize is y = x/‖x‖ along a line of n values that lie stride apart,
// starting at x[off], and 0 where the norm is 0. The norm, summed in float64,
// is Σ|x| with p = 1 and √Σx² with p = 2; it is returned.
func LpNormalize(y, x []float32, off, n, stride, p int) (norm float64) {
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		v := float64(x[j])
		if p == 1 {
			norm += math.Abs(v)
		} else {
			norm += float64(v * v)
		}
	}
	if p == 2 {
		norm = math.Sqrt(norm)
	}
	if norm == 0 {
		for i, j := 0, off; i < n; i, j = i+1, j+stride {
			y[j] = 0
		}
		return norm
	}
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		y[j] = float32(float64(x[j]) / norm)
	}
	return norm
}

// LpNormalizeBackward is, along one line of the given norm,
//
//	dx = (dy − ∂‖x‖/∂x·Σ dy·y)/‖x‖, ∂‖x‖/∂x being sign(x) with p = 1 and y with p = 2,
//
// and 0 where the norm is 0.
func LpNormalizeBackward(dx, dy, y []float32, off, n, stride, p int, norm float64) {
	dot, inv := 0.0, 0.0
	if norm != 0 {
		inv = 1 / norm
	}
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		dot += float64(float64(dy[j]) * float64(y[j]))
	}
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		slope := float64(y[j])
		if p == 1 && slope != 0 {
			slope = math.Copysign(1, slope)
		}
		dx[j] = float32((float64(dy[j]) - float64(slope*dot)) * inv)
	}
}
