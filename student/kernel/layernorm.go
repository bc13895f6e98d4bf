package kernel

// LayerNorm normalises each row of x (R, L) (Ba, Kiros and Hinton 2016, arXiv
// 1607.06450), or with RMS divides it by its root mean square (Zhang and
// Sennrich 2019, arXiv 1910.07467); scale and bias are (L).
type LayerNorm struct {
	R, L int
	Eps  float32
	RMS  bool

	x, scale, bias, y []float32
	dy, dx, ds, db    []float32
	work              []float32
	mean, rstd        []float64 // (R) of the last forward
	fwd, bwd, sum     func(lo, hi int)
}

// normRows is the number of rows whose gradients of scale and bias are summed
// in float32 before they join the others in float64.
const normRows = 64

// NewLayerNorm prepares the loops for one shape.
func NewLayerNorm(r, l int, eps float32, rms bool) *LayerNorm {
	k := &LayerNorm{R: r, L: l, Eps: eps, RMS: rms, mean: make([]float64, r), rstd: make([]float64, r)}
	k.fwd, k.bwd, k.sum = k.forwardRows, k.backwardPieces, k.sumColumns
	return k
}

func (k *LayerNorm) pieces() int { return (k.R + normRows - 1) / normRows }

// Work is the number of floats of work space that Backward needs.
func (k *LayerNorm) Work() int { return k.pieces() * 3 * k.L }

// Forward is y = (x−mean)·rstd·scale + bias, mean and rstd = 1/√(var+eps) being
// those of the row; with RMS mean is 0. bias may be nil.
func (k *LayerNorm) Forward(y, x, scale, bias []float32) {
	k.y, k.x, k.scale, k.bias = y, x, scale, bias
	Parallel(k.R, max(1, Grain/k.L), k.fwd)
}

func (k *LayerNorm) forwardRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		x, y := k.x[r*k.L:(r+1)*k.L], k.y[r*k.L:(r+1)*k.L]
		mean, rstd := rowStats(x, k.Eps, k.RMS)
		k.mean[r], k.rstd[r] = mean, rstd
		affine64(y, x, mean, rstd, 0)
		Mul(y, y, k.scale)
		if k.bias != nil {
			Add(y, y, k.bias)
		}
	}
}

// Backward is, with x̂ = (x−mean)·rstd, g = dy·scale and means over the row,
//
//	dx = rstd·(g − mean(g) − x̂·mean(g·x̂)), dscale = Σ dy·x̂, dbias = Σ dy
//
// after a Forward of the same x; with RMS the term mean(g) falls away. A nil
// destination is left out.
func (k *LayerNorm) Backward(dx, dscale, dbias, dy, x, scale, work []float32) {
	k.dx, k.ds, k.db, k.dy, k.x, k.scale, k.work = dx, dscale, dbias, dy, x, scale, work
	Parallel(k.pieces(), max(1, Grain/(normRows*k.L)), k.bwd)
	if dscale != nil || dbias != nil {
		Parallel(k.L, max(1, Grain/k.pieces()), k.sum)
	}
}

// buffers cuts the work space of piece p: its gradients of scale and bias, and
// one row.
func (k *LayerNorm) buffers(p int) (ds, db, row []float32) {
	buf := k.work[p*3*k.L : (p+1)*3*k.L]
	return buf[:k.L], buf[k.L : 2*k.L], buf[2*k.L:]
}

func (k *LayerNorm) backwardPieces(lo, hi int) {
	for p := lo; p < hi; p++ {
		ds, db, row := k.buffers(p)
		clear(ds)
		clear(db)
		for r := p * normRows; r < min(k.R, (p+1)*normRows); r++ {
			x, dy := k.x[r*k.L:(r+1)*k.L], k.dy[r*k.L:(r+1)*k.L]
			mean, rstd := k.mean[r], k.rstd[r]
			if k.db != nil {
				Add(db, db, dy)
			}
			if k.ds != nil {
				affine64(row, x, mean, rstd, 0)
				Mul(row, row, dy)
				Add(ds, ds, row)
			}
			if k.dx == nil {
				continue
			}
			g := k.dx[r*k.L : (r+1)*k.L]
			Mul(g, dy, k.scale)
			sum, dot := projections64(g, x, mean)
			if k.RMS {
				sum = 0
			}
			n := float64(k.L)
			project64(g, g, x, mean, rstd, sum/n*rstd, dot/n*rstd*rstd*rstd)
		}
	}
}

// sumColumns adds the pieces' gradients of columns [lo, hi) in their order.
func (k *LayerNorm) sumColumns(lo, hi int) {
	for i := lo; i < hi; i++ {
		s, b := 0.0, 0.0
		for p := range k.pieces() {
			at := k.work[p*3*k.L:]
			s += float64(at[i])
			b += float64(at[k.L+i])
		}
		if k.ds != nil {
			k.ds[i] = float32(s)
		}
		if k.db != nil {
			k.db[i] = float32(b)
		}
	}
}
