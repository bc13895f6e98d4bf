package kernel

const (
	columnWidth  = 16      // of the assembly's loops
	columnPieces = 16      // rows are cut into at most so many pieces
	columnGrain  = 1 << 14 // values of one piece, at least
)

// Columns adds up the columns of a matrix (R, C) in float64, in pieces of rows
// that depend on the sizes alone: per column Σ g and Σ g·x, where g is x
// itself, dy, or dy where 0 < y < limit. Rows are added in their order, then pieces.
type Columns struct {
	R, C   int
	pieces int
	sums   []float64 // by piece: C of Σ g, C of Σ g·x, rounded up to whole loops
	x      []float32
	dy, y  []float32
	limit  float32
	work   func(lo, hi int)
}

// NewColumns prepares the loops for one shape.
func NewColumns(r, c int) *Columns {
	return newColumns(r, c, max(1, min(columnPieces, r*c/columnGrain, r)))
}

func newColumns(r, c, pieces int) *Columns {
	s := &Columns{R: r, C: c, pieces: pieces}
	s.sums = make([]float64, s.pieces*2*s.stride())
	s.work = s.piece
	return s
}

func (s *Columns) stride() int { return (s.C + columnWidth - 1) / columnWidth * columnWidth }

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
	n := s.stride()
	copy(first, s.sums[:s.C])
	copy(second, s.sums[n:n+s.C])
	for p := 1; p < s.pieces; p++ {
		at := s.sums[p*2*n:]
		for c := range s.C {
			first[c] += at[c]
			second[c] += at[n+c]
		}
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

// add adds rows to the sums of piece p.
func (s *Columns) add(p int, x, dy, y []float32) {
	n := s.stride()
	addColumns(s.sums[p*2*n:p*2*n+n], s.sums[p*2*n+n:(p+1)*2*n], x, dy, y, s.limit, s.C)
}

// addColumns adds the rows of c columns to first and second, as Columns says.
func addColumns(first, second []float64, x, dy, y []float32, limit float32, c int) {
	rows, done := len(x)/c, 0
	if hasAVX2 && rows > 0 {
		stride := c * floatSize
		for ; done+columnWidth <= c; done += columnWidth {
			a, b := (*[columnWidth]float64)(first[done:]), (*[columnWidth]float64)(second[done:])
			switch {
			case dy == nil:
				columnMomentsAVX2(a, b, &x[done], stride, rows)
			case y == nil:
				columnDotsAVX2(a, b, &x[done], &dy[done], stride, rows)
			default:
				columnMaskedDotsAVX2(a, b, &x[done], &dy[done], &y[done], stride, rows, limit)
			}
		}
	}
	if done == c {
		return
	}
	for at := 0; at < len(x); at += c {
		for j := done; j < c; j++ {
			v := float64(x[at+j])
			g := v
			if dy != nil {
				if g = float64(dy[at+j]); y != nil && !(y[at+j] > 0 && y[at+j] < limit) {
					g = 0
				}
			}
			first[j] += g
			second[j] += float64(g * v)
		}
	}
}
