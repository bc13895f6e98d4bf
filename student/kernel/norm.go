package kernel

import "math"

// BatchNorm normalises x (N, C, S) per channel, S being the product of the
// spatial axes (Ioffe and Szegedy 2015, arXiv 1502.03167). Channels are
// independent, so a parallel loop over them changes no bit; sums run over n,
// then s, in float64.
type BatchNorm struct {
	N, C, S int
	Eps     float32

	x, scale, bias, y []float32
	dy, dx, ds, db    []float32
	mean, rstd        []float64 // (C) of the last forward
	vari              []float64
	sum, dot          []float64
	train, back       func(lo, hi int)
	infer             func(lo, hi int)
}

// NewBatchNorm prepares the loops for one shape.
func NewBatchNorm(n, c, s int, eps float32) *BatchNorm {
	b := &BatchNorm{N: n, C: c, S: s, Eps: eps}
	buf := make([]float64, 5*c)
	b.mean, b.rstd, b.vari, b.sum, b.dot = buf[:c], buf[c:2*c], buf[2*c:3*c], buf[3*c:4*c], buf[4*c:]
	b.train, b.back, b.infer = b.trainPiece, b.backPiece, b.applyPiece
	return b
}

func (b *BatchNorm) grain() int { return max(1, 16384/(b.N*b.S)) }

// Train is y = scale·(x−mean)/√(var+eps) + bias with the batch's own mean and
// population variance, which Stats returns afterwards.
func (b *BatchNorm) Train(y, x, scale, bias []float32) {
	b.y, b.x, b.scale, b.bias = y, x, scale, bias
	Parallel(b.C, b.grain(), b.train)
}

// Stats returns mean and population variance (C) of the last Train.
func (b *BatchNorm) Stats() (mean, variance []float64) { return b.mean, b.vari }

// Infer is y = scale·(x−mean)/√(variance+eps) + bias with the statistics given.
func (b *BatchNorm) Infer(y, x, scale, bias, mean, variance []float32) {
	b.y, b.x, b.scale, b.bias = y, x, scale, bias
	for c := range b.C {
		b.mean[c] = float64(mean[c])
		b.rstd[c] = 1 / math.Sqrt(float64(variance[c])+float64(b.Eps))
	}
	Parallel(b.C, b.grain(), b.infer)
}

// Backward is, with x̂ = (x−mean)·rstd and M = N·S values a channel,
//
//	dbias = Σdy, dscale = Σdy·x̂, dx = scale·rstd·(dy − dbias/M − x̂·dscale/M)
//
// after a Train of the same x. A nil destination is left out.
func (b *BatchNorm) Backward(dx, dscale, dbias, dy, x, scale []float32) {
	b.dx, b.ds, b.db, b.dy, b.x, b.scale = dx, dscale, dbias, dy, x, scale
	Parallel(b.C, b.grain(), b.back)
}

func (b *BatchNorm) trainPiece(lo, hi int) {
	m := float64(b.N * b.S)
	clear(b.sum[lo:hi])
	b.rows(lo, hi, func(c, at, end int) {
		s := b.sum[c]
		for _, v := range b.x[at:end] {
			s += float64(v)
		}
		b.sum[c] = s
	})
	for c := lo; c < hi; c++ {
		b.mean[c] = b.sum[c] / m
		b.sum[c] = 0
	}
	b.rows(lo, hi, func(c, at, end int) {
		s, mu := b.sum[c], b.mean[c]
		for _, v := range b.x[at:end] {
			d := float64(v) - mu
			s += float64(d * d)
		}
		b.sum[c] = s
	})
	for c := lo; c < hi; c++ {
		b.vari[c] = b.sum[c] / m
		b.rstd[c] = 1 / math.Sqrt(b.vari[c]+float64(b.Eps))
	}
	b.applyPiece(lo, hi)
}

func (b *BatchNorm) applyPiece(lo, hi int) {
	b.rows(lo, hi, func(c, at, end int) {
		mul := float64(b.scale[c]) * b.rstd[c]
		add := float64(b.bias[c]) - float64(b.mean[c]*mul)
		y := b.y[at:end]
		for i, v := range b.x[at:end] {
			y[i] = float32(float64(float64(v)*mul) + add)
		}
	})
}

func (b *BatchNorm) backPiece(lo, hi int) {
	clear(b.sum[lo:hi])
	clear(b.dot[lo:hi])
	b.rows(lo, hi, func(c, at, end int) {
		s, d, mu := b.sum[c], b.dot[c], b.mean[c]
		dy := b.dy[at:end]
		for i, v := range b.x[at:end] {
			g := float64(dy[i])
			s += g
			d += float64(g * (float64(v) - mu))
		}
		b.sum[c], b.dot[c] = s, d
	})
	for c := lo; c < hi; c++ {
		b.dot[c] *= b.rstd[c]
		if b.ds != nil {
			b.ds[c] = float32(b.dot[c])
		}
		if b.db != nil {
			b.db[c] = float32(b.sum[c])
		}
	}
	if b.dx == nil {
		return
	}
	m := float64(b.N * b.S)
	b.rows(lo, hi, func(c, at, end int) {
		r := b.rstd[c]
		k, mu := float64(b.scale[c])*r, b.mean[c]
		s, d := b.sum[c]/m, b.dot[c]*r/m
		dx, dy := b.dx[at:end], b.dy[at:end]
		for i, v := range b.x[at:end] {
			dx[i] = float32(k * (float64(dy[i]) - s - float64((float64(v)-mu)*d)))
		}
	})
}

// rows visits the stretches of channels [lo, hi) in the order of memory.
func (b *BatchNorm) rows(lo, hi int, f func(c, at, end int)) {
	for n := range b.N {
		for c := lo; c < hi; c++ {
			at := (n*b.C + c) * b.S
			f(c, at, at+b.S)
		}
	}
}
