package kernel

// laneCount is the number of float64 partial sums: lane i adds the values i,
// i+8, i+16, … in their order, and the lanes are added by halves.
const laneCount = 8

type lanes [laneCount]float64

// add adds v, the value at i.
func (l *lanes) add(i int, v float64) { l[i&(laneCount-1)] += v }

func (l *lanes) total() float64 {
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

// Sum is Σx in float64.
func Sum(x []float32) float64 {
	var l lanes
	n := whole(len(x))
	if n > 0 {
		sum64AVX2((*[8]float64)(&l), x[:n])
	}
	for i := n; i < len(x); i++ {
		l.add(i, float64(x[i]))
	}
	return l.total()
}

// dot64 is Σx·y in float64.
func dot64(x, y []float32) float64 {
	y = y[:len(x)]
	var l lanes
	n := whole(len(x))
	if n > 0 {
		dot64AVX2((*[8]float64)(&l), x[:n], y[:n])
	}
	for i := n; i < len(x); i++ {
		l.add(i, float64(float64(x[i])*float64(y[i])))
	}
	return l.total()
}

// Accumulate is acc += x.
func Accumulate(acc []float64, x []float32) {
	acc = acc[:len(x)]
	n := whole(len(x))
	if n > 0 {
		accumulateAVX2(acc[:n], x[:n])
	}
	for i := n; i < len(x); i++ {
		acc[i] += float64(x[i])
	}
}
