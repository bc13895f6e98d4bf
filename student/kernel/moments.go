package kernel

import "math"

// momentLanes are the partial sums of the functions of this file: lane i sums
// the elements i, i+16, i+32, … in their order, the rest of a length that is
// no multiple of 16 goes to the first lanes, and the lanes are added by
// halves. All of it is in float64, multiplied and added apart, so assembly and
// plain Go round alike.
const momentLanes = 16

func addLanes(m *[momentLanes]float64) float64 {
	var l lanes
	for i := range l {
		l[i] = m[i] + m[i+laneCount]
	}
	return l.total()
}

// wholeLanes is the number of elements left to the assembly.
func wholeLanes(n int) int {
	if hasAVX2 {
		return n &^ (momentLanes - 1)
	}
	return 0
}

// sum64 is Σx.
func sum64(x []float32) float64 {
	var m [momentLanes]float64
	n := wholeLanes(len(x))
	if n > 0 {
		sumAVX2(&m, x[:n])
	}
	sumLanes(&m, x[n:])
	return addLanes(&m)
}

func sumLanes(m *[momentLanes]float64, x []float32) {
	for ; len(x) > 0; x = x[min(momentLanes, len(x)):] {
		for i, v := range x[:min(momentLanes, len(x))] {
			m[i] += float64(v)
		}
	}
}

// squares64 is Σ(x−mean)².
func squares64(x []float32, mean float64) float64 {
	var m [momentLanes]float64
	n := wholeLanes(len(x))
	if n > 0 {
		squaresAVX2(&m, x[:n], mean)
	}
	squareLanes(&m, x[n:], mean)
	return addLanes(&m)
}

func squareLanes(m *[momentLanes]float64, x []float32, mean float64) {
	for ; len(x) > 0; x = x[min(momentLanes, len(x)):] {
		for i, v := range x[:min(momentLanes, len(x))] {
			d := float64(v) - mean
			m[i] += float64(d * d)
		}
	}
}

// SumSquares is Σx² in float64.
func SumSquares(x []float32) float64 { return squares64(x, 0) }

// projections64 is Σg and Σg·(x−mean).
func projections64(g, x []float32, mean float64) (sum, dot float64) {
	g = g[:len(x)]
	var s, d [momentLanes]float64
	n := wholeLanes(len(x))
	if n > 0 {
		projectionsAVX2(&s, &d, g[:n], x[:n], mean)
	}
	projectionLanes(&s, &d, g[n:], x[n:], mean)
	return addLanes(&s), addLanes(&d)
}

func projectionLanes(s, d *[momentLanes]float64, g, x []float32, mean float64) {
	for len(x) > 0 {
		n := min(momentLanes, len(x))
		p := g[:n]
		for i, v := range x[:n] {
			e := float64(p[i])
			s[i] += e
			d[i] += float64(e * (float64(v) - mean))
		}
		g, x = g[n:], x[n:]
	}
}

// rowStats gives the mean of x and 1/√(variance+eps), the variance that of the
// population, in two passes; with rms the mean is taken for 0.
func rowStats(x []float32, eps float32, rms bool) (mean, rstd float64) {
	n := float64(len(x))
	if !rms {
		mean = sum64(x) / n
	}
	return mean, 1 / math.Sqrt(squares64(x, mean)/n+float64(eps))
}

// affine64 is y = (x−mean)·mul + add.
func affine64(y, x []float32, mean, mul, add float64) {
	x = x[:len(y)]
	n := wholeLanes(len(y))
	if n > 0 {
		affineAVX2(y[:n], x[:n], mean, mul, add)
	}
	affineLoop(y[n:], x[n:], mean, mul, add)
}

func affineLoop(y, x []float32, mean, mul, add float64) {
	x = x[:len(y)]
	for i, v := range x {
		y[i] = float32(float64((float64(v)-mean)*mul) + add)
	}
}

// project64 is dx = k·g − a − (x−mean)·b; dx may be g.
func project64(dx, g, x []float32, mean, k, a, b float64) {
	g, x = g[:len(dx)], x[:len(dx)]
	n := wholeLanes(len(dx))
	if n > 0 {
		projectAVX2(dx[:n], g[:n], x[:n], mean, k, a, b)
	}
	projectLoop(dx[n:], g[n:], x[n:], mean, k, a, b)
}

func projectLoop(dx, g, x []float32, mean, k, a, b float64) {
	g, x = g[:len(dx)], x[:len(dx)]
	for i, v := range x {
		dx[i] = float32(float64(float64(g[i])*k) - a - float64((float64(v)-mean)*b))
	}
}
