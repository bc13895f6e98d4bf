package kernel

// GroupNorm normalises each of G groups of each row of x (N, G, K, S) by
// itself (Wu and He 2018, arXiv 1803.08494); scale and bias are (G, K). With a
// group a channel, K = 1, it is instance normalisation (Ulyanov, Vedaldi and
// Lempitsky 2016, arXiv 1607.08022).
type GroupNorm struct {
	N, G, K, S int
	Eps        float32

	x, scale, bias, y []float32
	dy, dx            []float32
	mean, rstd        []float64 // (N, G) of the last forward
	sum, dot          []float64 // (N, G, K): Σdy and Σdy·x̂
	fwd, bwd          func(lo, hi int)
}

// NewGroupNorm prepares the loops for one shape.
func NewGroupNorm(n, g, k, s int, eps float32, training bool) *GroupNorm {
	b := &GroupNorm{N: n, G: g, K: k, S: s, Eps: eps, mean: make([]float64, n*g), rstd: make([]float64, n*g)}
	if training {
		b.sum, b.dot = make([]float64, n*g*k), make([]float64, n*g*k)
	}
	b.fwd, b.bwd = b.forwardRows, b.backwardRows
	return b
}

func (b *GroupNorm) grain() int { return max(1, Grain/(b.K*b.S)) }

// Forward is y = (x−mean)·rstd·scale + bias, mean and rstd = 1/√(var+eps) being
// those of the group.
func (b *GroupNorm) Forward(y, x, scale, bias []float32) {
	b.y, b.x, b.scale, b.bias = y, x, scale, bias
	Parallel(b.N*b.G, b.grain(), b.fwd)
}

func (b *GroupNorm) forwardRows(lo, hi int) {
	size := b.K * b.S
	for r := lo; r < hi; r++ {
		mean, rstd := rowStats(b.x[r*size:(r+1)*size], b.Eps, false)
		b.mean[r], b.rstd[r] = mean, rstd
		for k := range b.K {
			c := r%b.G*b.K + k
			at := r*size + k*b.S
			affine64(b.y[at:at+b.S], b.x[at:at+b.S], mean, rstd*float64(b.scale[c]), float64(b.bias[c]))
		}
	}
}

// Backward is, with x̂ = (x−mean)·rstd, g = dy·scale and means over the group,
//
//	dx = rstd·(g − mean(g) − x̂·mean(g·x̂)), dscale = Σ dy·x̂, dbias = Σ dy
//
// after a Forward of the same x. A nil destination is left out.
func (b *GroupNorm) Backward(dx, dscale, dbias, dy, x, scale []float32) {
	b.dx, b.dy, b.x, b.scale = dx, dy, x, scale
	Parallel(b.N*b.G, b.grain(), b.bwd)
	for _, p := range []struct {
		dst []float32
		src []float64
	}{{dscale, b.dot}, {dbias, b.sum}} {
		for c := range p.dst {
			s := 0.0
			for n := range b.N {
				s += p.src[n*b.G*b.K+c]
			}
			p.dst[c] = float32(s)
		}
	}
}

func (b *GroupNorm) backwardRows(lo, hi int) {
	size := b.K * b.S
	m := float64(size)
	for r := lo; r < hi; r++ {
		mean, rstd := b.mean[r], b.rstd[r]
		sum, dot := 0.0, 0.0 // Σg and Σg·x̂
		for k := range b.K {
			at := r*size + k*b.S
			s, d := projections64(b.dy[at:at+b.S], b.x[at:at+b.S], mean)
			d *= rstd
			b.sum[r*b.K+k], b.dot[r*b.K+k] = s, d
			scale := float64(b.scale[r%b.G*b.K+k])
			sum += float64(scale * s)
			dot += float64(scale * d)
		}
		if b.dx == nil {
			continue
		}
		for k := range b.K {
			at := r*size + k*b.S
			scale := float64(b.scale[r%b.G*b.K+k])
			project64(b.dx[at:at+b.S], b.dy[at:at+b.S], b.x[at:at+b.S], mean, rstd*scale, sum/m*rstd, dot/m*rstd*rstd)
		}
	}
}
