package kernel

// The loops of this file work on slices of equal length; a destination may be
// a source, but must not overlap one otherwise. They multiply and add apart,
// so assembly and plain Go round alike.

const vectorStep = 8 // the assembly takes a multiple of so many elements

// whole is the number of elements left to the assembly.
func whole(n int) int {
	if hasAVX2 {
		return n &^ (vectorStep - 1)
	}
	return 0
}

// Axpy is y += alpha·x.
func Axpy(alpha float32, x, y []float32) {
	y = y[:len(x)]
	n := whole(len(x))
	if n > 0 {
		axpyAVX2(x[:n], y[:n], alpha)
	}
	axpy(alpha, x[n:], y[n:])
}

func axpy(alpha float32, x, y []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += float32(alpha * v)
	}
}

// Add is dst = a + b.
func Add(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	n := whole(len(dst))
	if n > 0 {
		addAVX2(dst[:n], a[:n], b[:n])
	}
	add(dst[n:], a[n:], b[n:])
}

func add(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, v := range a {
		dst[i] = v + b[i]
	}
}

// Mul is dst = a · b, element by element.
func Mul(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	n := whole(len(dst))
	if n > 0 {
		mulAVX2(dst[:n], a[:n], b[:n])
	}
	mul(dst[n:], a[n:], b[n:])
}

func mul(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, v := range a {
		dst[i] = v * b[i]
	}
}

// Scale is x = alpha·x.
func Scale(alpha float32, x []float32) {
	n := whole(len(x))
	if n > 0 {
		scaleAVX2(x[:n], alpha)
	}
	scale(alpha, x[n:])
}

func scale(alpha float32, x []float32) {
	for i := range x {
		x[i] *= alpha
	}
}

// Relu is dst = max(x, 0); NaN stays NaN.
func Relu(dst, x []float32) {
	x = x[:len(dst)]
	n := whole(len(dst))
	if n > 0 {
		reluAVX2(dst[:n], x[:n])
	}
	relu(dst[n:], x[n:])
}

func relu(dst, x []float32) {
	x = x[:len(dst)]
	for i, v := range x {
		if v < 0 {
			v = 0
		}
		dst[i] = v
	}
}

// ReluBackward is dx = dy where y > 0, and 0 elsewhere; y is the output or the
// input of Relu.
func ReluBackward(dx, dy, y []float32) {
	dy, y = dy[:len(dx)], y[:len(dx)]
	n := whole(len(dx))
	if n > 0 {
		reluBackwardAVX2(dx[:n], dy[:n], y[:n])
	}
	reluBackward(dx[n:], dy[n:], y[n:])
}

func reluBackward(dx, dy, y []float32) {
	dy, y = dy[:len(dx)], y[:len(dx)]
	for i, v := range y {
		g := dy[i]
		if !(v > 0) {
			g = 0
		}
		dx[i] = g
	}
}

// AddBiasRows is c[i,j] += bias[j] for c (m,n) and bias (n).
func AddBiasRows(c []float32, m, n int, bias []float32) {
	for i := range m {
		row := c[i*n : (i+1)*n]
		Add(row, row, bias)
	}
}

// SumRows is dst[j] = Σ_i a[i,j] for a (m,n) and dst (n), in the order of i.
func SumRows(dst []float32, a []float32, m, n int) {
	dst = dst[:n]
	if m == 0 {
		clear(dst)
		return
	}
	copy(dst, a[:n])
	for i := 1; i < m; i++ {
		Add(dst, dst, a[i*n:(i+1)*n])
	}
}

const dotLanes = 32 // partial sums of Dot

// Dot is Σ x·y. Lane i sums the products i, i+32, i+64, … in their order, and
// the lanes are added by halves.
func Dot(x, y []float32) float32 {
	y = y[:len(x)]
	var sums [dotLanes]float32
	n := len(x) &^ (dotLanes - 1)
	if hasAVX2 {
		dotAVX2(&sums, x[:n], y[:n])
	} else {
		dot(&sums, x[:n], y[:n])
	}
	return dotTotal(&sums, x[n:], y[n:])
}

func dot(sums *[dotLanes]float32, x, y []float32) {
	for p := 0; p < len(x); p += dotLanes {
		x, y := x[p:p+dotLanes], y[p:p+dotLanes]
		for i := range sums {
			sums[i] += float32(x[i] * y[i])
		}
	}
}

// dotTotal adds the rest, fewer than 32 products, and the lanes.
func dotTotal(sums *[dotLanes]float32, x, y []float32) float32 {
	y = y[:len(x)]
	for i, v := range x {
		sums[i] += float32(v * y[i])
	}
	for half := dotLanes / 2; half > 0; half /= 2 {
		for i := range half {
			sums[i] += sums[i+half]
		}
	}
	return sums[0]
}

// AddRelu is dst = max(a + b, 0).
func AddRelu(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	n := whole(len(dst))
	if n > 0 {
		addReluAVX2(dst[:n], a[:n], b[:n])
	}
	for i := n; i < len(dst); i++ {
		v := a[i] + b[i]
		if v < 0 {
			v = 0
		}
		dst[i] = v
	}
}
