package kernel

import "math"

// A line is n values that lie stride apart, from off on. Sums along it are in
// float64, in lanes as Sum's, also where the stride keeps the assembly out.

// Softmax is y = e^(x−max) / Σe^(x−max) along one line.
func Softmax(y, x []float32, off, n, stride int) {
	m := lineMax(x, off, n, stride)
	var l lanes
	i := 0
	if stride == 1 {
		if i = whole(n); i > 0 {
			expSumAVX2((*[8]float64)(&l), y[off:off+i], x[off:off+i], m)
		}
	}
	for j := off + i*stride; i < n; i, j = i+1, j+stride {
		e := exp64(float64(x[j]) - m)
		l.add(i, e)
		y[j] = float32(e)
	}
	inv := 1 / l.total()
	if i = 0; stride == 1 {
		if i = whole(n); i > 0 {
			scale64AVX2(y[off:off+i], inv)
		}
	}
	for j := off + i*stride; i < n; i, j = i+1, j+stride {
		y[j] = float32(float64(y[j]) * inv)
	}
}

// SoftmaxBackward is dx = y·(dy − Σ dy·y) along one line.
func SoftmaxBackward(dx, dy, y []float32, off, n, stride int) {
	if stride == 1 {
		dx, dy, y = dx[off:off+n], dy[off:off+n], y[off:off+n]
		dot, i := dot64(dy, y), whole(n)
		if i > 0 {
			softmaxBackwardAVX2(dx[:i], dy[:i], y[:i], dot)
		}
		for ; i < n; i++ {
			dx[i] = float32((float64(dy[i]) - dot) * float64(y[i]))
		}
		return
	}
	var l lanes
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		l.add(i, float64(float64(dy[j])*float64(y[j])))
	}
	dot := l.total()
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		dx[j] = float32((float64(dy[j]) - dot) * float64(y[j]))
	}
}

// LogSoftmax is y = x − max − log Σe^(x−max) along one line.
func LogSoftmax(y, x []float32, off, n, stride int) {
	m := lineMax(x, off, n, stride)
	var l lanes
	i := 0
	if stride == 1 {
		if i = whole(n); i > 0 {
			logSumAVX2((*[8]float64)(&l), x[off:off+i], m)
		}
	}
	for j := off + i*stride; i < n; i, j = i+1, j+stride {
		l.add(i, exp64(float64(x[j])-m))
	}
	log := log64(l.total())
	if i = 0; stride == 1 {
		if i = whole(n); i > 0 {
			shift64AVX2(y[off:off+i], x[off:off+i], m, log)
		}
	}
	for j := off + i*stride; i < n; i, j = i+1, j+stride {
		y[j] = float32(float64(x[j]) - m - log)
	}
}

// LogSoftmaxBackward is dx = dy − e^y·Σdy along one line.
func LogSoftmaxBackward(dx, dy, y []float32, off, n, stride int) {
	if stride == 1 {
		dx, dy, y = dx[off:off+n], dy[off:off+n], y[off:off+n]
		sum, i := Sum(dy), whole(n)
		if i > 0 {
			logSoftmaxBackwardAVX2(dx[:i], dy[:i], y[:i], sum)
		}
		for ; i < n; i++ {
			dx[i] = float32(float64(dy[i]) - float64(exp64(float64(y[i]))*sum))
		}
		return
	}
	var l lanes
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		l.add(i, float64(dy[j]))
	}
	sum := l.total()
	for i, j := 0, off; i < n; i, j = i+1, j+stride {
		dx[j] = float32(float64(dy[j]) - float64(exp64(float64(y[j]))*sum))
	}
}

// lineMax is the largest value of a line that is not NaN, −Inf of none.
func lineMax(x []float32, off, n, stride int) float64 {
	m := float32(math.Inf(-1))
	i := 0
	if stride == 1 {
		if i = whole(n); i > 0 {
			top := [8]float32{m, m, m, m, m, m, m, m}
			maxAVX2(&top, x[off:off+i])
			m = max(max(max(top[0], top[4]), max(top[2], top[6])), max(max(top[1], top[5]), max(top[3], top[7])))
		}
	}
	for j := off + i*stride; i < n; i, j = i+1, j+stride {
		if x[j] > m {
			m = x[j]
		}
	}
	return float64(m)
}
