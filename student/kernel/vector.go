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
