package kernel

// An Order turns images of C planes of S values (N, C, S) into channels-last
// ones (N, S, C), and back.
type Order struct {
	N, C, S  int
	src, dst []float32
	to, from func(lo, hi int)
}

// NewOrder prepares the loops for one shape.
func NewOrder(n, c, s int) *Order {
	o := &Order{N: n, C: c, S: s}
	o.to = func(lo, hi int) { o.each(lo, hi, c, s) }
	o.from = func(lo, hi int) { o.each(lo, hi, s, c) }
	return o
}

func (o *Order) grain() int { return max(1, columnGrain/(o.S*o.C)) }

// ChannelsLast is dst (N, S, C) from src (N, C, S).
func (o *Order) ChannelsLast(dst, src []float32) {
	o.dst, o.src = dst, src
	Parallel(o.N, o.grain(), o.to)
}

// ChannelsFirst is dst (N, C, S) from src (N, S, C).
func (o *Order) ChannelsFirst(dst, src []float32) {
	o.dst, o.src = dst, src
	Parallel(o.N, o.grain(), o.from)
}

// each transposes images of (rows, cols).
func (o *Order) each(lo, hi, rows, cols int) {
	size := rows * cols
	v := variants[0]
	for n := lo; n < hi; n++ {
		src, dst := o.src[n*size:(n+1)*size], o.dst[n*size:(n+1)*size]
		if rows == 1 || cols == 1 {
			copy(dst, src)
			continue
		}
		v.packTransposed(dst, rows, src, cols, rows, cols)
	}
}
