package kernel

const (
	columnWidth  = 16      // of the assembly's loops
	columnPieces = 16      // rows are cut into at most so many pieces
	columnMost   = 1 << 12 // rows stand side by side up to so many columns, which bounds the sums
)

// Columns adds up the columns of a matrix (R, C) in float64, in pieces of rows
// that depend on the sizes alone: per column Σ g and Σ g·x, where g is x
// itself, dy, or dy where 0 < y < limit. So many rows as make whole vectors
// stand side by side; those below each other are added in their order, then
// those side by side, then pieces.
type Columns struct {
	R, C   int
	wide   int // columns of the rows side by side
	pieces int
	sums   []float64 // by piece: wide of Σ g, wide of Σ g·x
	x      []float32
	dy, y  []float32
	limit  float32
	work   func(lo, hi int)
}

// NewColumns prepares the loops for one shape.
func NewColumns(r, c int) *Columns {
	return newColumns(r, c, max(1, min(columnPieces, r*c/Grain, r)))
}

func newColumns(r, c, pieces int) *Columns {
	s := &Columns{R: r, C: c, wide: wideColumns(c), pieces: pieces}
	s.sums = make([]float64, s.pieces*2*s.wide)
	s.work = s.piece
	return s
}

// wideColumns is the least multiple of c that is one of columnWidth, or c
// itself where there are many.
func wideColumns(c int) int {
	if c > columnMost {
		return c
	}
	n := c
	for n%columnWidth != 0 {
		n += c
	}
	return n
}

// Moments adds up x and x², for Total.
func (s *Columns) Moments(x []float32) { s.run(x, nil, nil, 0) }

// Dots adds up g and g·x, where g is dy, or unless y is nil dy where
// 0 < y < limit.
func (s *Columns) Dots(x, dy, y []float32, limit float32) { s.run(x, dy, y, limit) }

func (s *Columns) run(x, dy, y []float32, limit float32) {
	s.x, s.dy, s.y, s.limit = x, dy, y, limit
	clear(s.sums)
	Parallel(s.pieces, 1, s.work)
}

// Total puts the sums of all pieces into first and second (C).
func (s *Columns) Total(first, second []float64) {
	clear(first)
	clear(second)
	for p := range s.pieces {
		at := s.sums[p*2*s.wide : (p+1)*2*s.wide]
		fold(first, at[:s.wide])
		fold(second, at[s.wide:])
	}
}

// fold adds the sums of rows side by side to those of one row.
func fold(dst, wide []float64) {
	for len(wide) > 0 {
		for c := range dst {
			dst[c] += wide[c]
		}
		wide = wide[len(dst):]
	}
}

func (s *Columns) piece(lo, hi int) {
	for p := lo; p < hi; p++ {
		from, to := p*s.R/s.pieces*s.C, (p+1)*s.R/s.pieces*s.C
		cut := func(v []float32) []float32 {
			if v == nil {
				return nil
			}
			return v[from:to]
		}
		s.add(p, cut(s.x), cut(s.dy), cut(s.y))
	}
}

// columnFuncs are the loops of one CPU over the rows of columnWidth columns.
type columnFuncs struct {
	moments func(first, second *[16]float64, x *float32, stride, n int)
	dots    func(first, second *[16]float64, x, dy *float32, stride, n int)
	masked  func(first, second *[16]float64, x, dy, y *float32, stride, n int, limit float32)
}

// add adds rows to the sums of piece p.
func (s *Columns) add(p int, x, dy, y []float32) {
	at := s.sums[p*2*s.wide : (p+1)*2*s.wide]
	addColumns(at[:s.wide], at[s.wide:], x, dy, y, s.limit)
}

// addColumns adds x, taken for rows as wide as first, to first and second, as
// Columns says; the last row may be short.
func addColumns(first, second []float64, x, dy, y []float32, limit float32) {
	c := len(first)
	done := 0
	if rows := len(x) / c; hasAVX2 && rows > 0 && c%columnWidth == 0 {
		done = rows * c
		for j := 0; j < c; j += columnWidth {
			a, b := (*[columnWidth]float64)(first[j:]), (*[columnWidth]float64)(second[j:])
			switch stride := c * floatSize; {
			case dy == nil:
				columnLoops.moments(a, b, &x[j], stride, rows)
			case y == nil:
				columnLoops.dots(a, b, &x[j], &dy[j], stride, rows)
			default:
				columnLoops.masked(a, b, &x[j], &dy[j], &y[j], stride, rows, limit)
			}
		}
	}
	for i := done; i < len(x); i++ {
		v := float64(x[i])
		g := v
		if dy != nil {
			if g = float64(dy[i]); y != nil && !(y[i] > 0 && y[i] < limit) {
				g = 0
			}
		}
		first[i%c] += g
		second[i%c] += float64(g * v)
	}
}
