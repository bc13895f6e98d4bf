package kernel

// Transpose turns N matrices (R, C) into (C, R): images of channels first into
// channels last, and back.
type Transpose struct {
	N, R, C  int
	src, dst []float32
	fwd, bwd func(lo, hi int)
}

// NewTranspose prepares the loops for one shape.
func NewTranspose(n, r, c int) *Transpose {
	t := &Transpose{N: n, R: r, C: c}
	t.fwd = func(lo, hi int) { t.each(lo, hi, r, c) }
	t.bwd = func(lo, hi int) { t.each(lo, hi, c, r) }
	return t
}

func (t *Transpose) grain() int { return max(1, Grain/(t.R*t.C)) }

// Forward is y (N, C, R) from x (N, R, C).
func (t *Transpose) Forward(y, x []float32) {
	t.dst, t.src = y, x
	Parallel(t.N, t.grain(), t.fwd)
}

// Backward is dx (N, R, C) from dy (N, C, R).
func (t *Transpose) Backward(dx, dy []float32) {
	t.dst, t.src = dx, dy
	Parallel(t.N, t.grain(), t.bwd)
}

// each transposes matrices [lo, hi) of rows × cols.
func (t *Transpose) each(lo, hi, rows, cols int) {
	size := rows * cols
	v := variants[0]
	for n := lo; n < hi; n++ {
		src, dst := t.src[n*size:(n+1)*size], t.dst[n*size:(n+1)*size]
		if rows == 1 || cols == 1 {
			copy(dst, src)
			continue
		}
		v.packTransposed(dst, rows, src, cols, rows, cols)
	}
}
