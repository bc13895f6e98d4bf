package kernel

// The loops of this file take a[i·sa] and b[i·sb] for value i, with strides 0
// or 1. An exponent of stride 0 that is ½, 1, 2, 3 or −1 needs no logarithm; at
// ½, −0 and −Inf give the square root's −0 and NaN.

// Pow is y = a^b.
func Pow(y, a, b []float32, sa, sb int) {
	if sb == 0 && sa == 1 {
		switch b[0] {
		case 0.5:
			Sqrt(y, a)
			return
		case 1:
			copy(y, a)
			return
		case 2:
			Mul(y, a, a)
			return
		case 3:
			for i, v := range a {
				y[i] = float32(v*v) * v
			}
			return
		case -1:
			ScalarDiv(y, a, 1)
			return
		}
	}
	for i := range y {
		y[i] = float32(pow64(float64(a[i*sa]), float64(b[i*sb])))
	}
}

// PowBase is g = dy·b·a^(b−1), 0 where b is 0.
func PowBase(g, dy, a, b []float32, sa, sb int) {
	if sb == 0 && sa == 1 {
		switch b[0] {
		case 1:
			copy(g, dy)
			return
		case 2:
			for i, v := range a {
				g[i] = float32(dy[i]*2) * v
			}
			return
		}
	}
	for i, d := range dy {
		g[i] = 0
		if p := float64(b[i*sb]); p != 0 {
			g[i] = float32(float64(float64(d)*p) * pow64(float64(a[i*sa]), p-1))
		}
	}
}

// PowExponent is g = dy·a^b·log a, 0 where a is 0 and b ≥ 0.
func PowExponent(g, dy, a, b []float32, sa, sb int) {
	for i, d := range dy {
		x, p := float64(a[i*sa]), float64(b[i*sb])
		g[i] = 0
		if x != 0 || !(p >= 0) {
			g[i] = float32(float64(float64(d)*pow64(x, p)) * log64(x))
		}
	}
}
