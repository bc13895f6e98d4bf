package kernel

import "math"

// Softmax is y = e^(x−max) / Σe^(x−max) along each line of n values that lie
// stride apart, starting at x[off]. Sums are in float64.
func Softmax(y, x []float32, off, n, stride int) {
	m := lineMax(x, off, n, stride)
	sum := 0.0
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		e := exp64(float64(x[j]) - m)
		sum += e
		y[j] = float32(e)
	}
	inv := 1 / sum
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		y[j] = float32(float64(y[j]) * inv)
	}
}

// SoftmaxBackward is dx = y·(dy − Σ dy·y) along one line.
func SoftmaxBackward(dx, dy, y []float32, off, n, stride int) {
	dot := 0.0
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		dot += float64(float64(dy[j]) * float64(y[j]))
	}
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		dx[j] = float32(float64(y[j]) * (float64(dy[j]) - dot))
	}
}

// LogSoftmax is y = x − max − log Σe^(x−max) along one line.
func LogSoftmax(y, x []float32, off, n, stride int) {
	m := lineMax(x, off, n, stride)
	sum := 0.0
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		sum += exp64(float64(x[j]) - m)
	}
	log := math.Log(sum)
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		y[j] = float32(float64(x[j]) - m - log)
	}
}

// LogSoftmaxBackward is dx = dy − e^y·Σdy along one line.
func LogSoftmaxBackward(dx, dy, y []float32, off, n, stride int) {
	sum := 0.0
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		sum += float64(dy[j])
	}
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		dx[j] = float32(float64(dy[j]) - float64(exp64(float64(y[j]))*sum))
	}
}

func lineMax(x []float32, off, n, stride int) float64 {
	m := x[off]
	for i, j := 1, off+stride; i < n; i, j = i+1, j+stride {
		if x[j] > m {
			m = x[j]
		}
	}
	return float64(m)
}
