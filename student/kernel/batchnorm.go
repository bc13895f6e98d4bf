package kernel

import "math"

// BatchNorm normalises the columns of x (R, C): the channels of channels-last
// images, or features (Ioffe and Szegedy 2015, arXiv 1502.03167). Sums are in
// float64 over fixed pieces; values are float32 with every product and sum
// rounded, so no bit depends on the machine. It may add a residual and
// rectify: with z and ReLU left out,
//
//	y = min(cap, max(0, scale·(x−mean)/√(var+eps) + bias + z))
type BatchNorm struct {
	R, C int
	Eps  float32
	ReLU bool
	Cap  float32 // of ReLU without a residual; +Inf for none

	columns    *Columns
	mean, vari []float64 // (C) of the last forward
	sum, dot   []float64
	coef       [4][]float32 // by column, repeated to a longer stretch

	y, x, z, dx, dy, dz []float32
	apply, grad, mask   func(lo, hi int)
}

// normStretch is the length to which coefficients are repeated.
const normStretch = 1024

// NewBatchNorm prepares the loops for one shape.
func NewBatchNorm(r, c int, eps float32, relu bool) *BatchNorm {
	b := &BatchNorm{R: r, C: c, Eps: eps, ReLU: relu, Cap: float32(math.Inf(1)), columns: NewColumns(r, c)}
	buf := make([]float64, 4*c)
	b.mean, b.vari, b.sum, b.dot = buf[:c], buf[c:2*c], buf[2*c:3*c], buf[3*c:]
	for i := range b.coef {
		b.coef[i] = make([]float32, min(r, max(1, normStretch/c))*c)
	}
	b.apply, b.grad, b.mask = b.applyPiece, b.gradPiece, b.maskPiece
	return b
}

// set repeats coefficient i over the columns.
func (b *BatchNorm) set(i, column int, v float64) {
	for at := column; at < len(b.coef[i]); at += b.C {
		b.coef[i][at] = float32(v)
	}
}

// lost is what rounding the mean to float32 adds to it.
func (b *BatchNorm) lost(c int) float64 { return float64(float32(b.mean[c])) - b.mean[c] }

// over runs f on pieces of rows.
func (b *BatchNorm) over(f func(lo, hi int)) {
	Parallel(b.R, max(1, Grain/b.C), f)
}

// Train normalises with the batch's own mean and population variance, which
// Stats returns afterwards. z may be nil. moments are the sums of x and x²
// where somebody has them already, else nil.
func (b *BatchNorm) Train(y, x, z, scale, bias []float32, moments *Columns) {
	if moments == nil {
		moments = b.columns
		moments.Moments(x)
	}
	moments.Total(b.sum, b.dot)
	n := float64(b.R)
	for c := range b.C {
		b.mean[c] = b.sum[c] / n
		b.vari[c] = max(0, b.dot[c]/n-float64(b.mean[c]*b.mean[c]))
	}
	b.normalise(y, x, z, scale, bias)
}

// Stats returns mean and population variance (C) of the last Train.
func (b *BatchNorm) Stats() (mean, variance []float64) { return b.mean, b.vari }

// Infer normalises with the statistics given.
func (b *BatchNorm) Infer(y, x, z, scale, bias, mean, variance []float32) {
	for c := range b.C {
		b.mean[c], b.vari[c] = float64(mean[c]), float64(variance[c])
	}
	b.normalise(y, x, z, scale, bias)
}

func (b *BatchNorm) rstd(c int) float64 { return 1 / math.Sqrt(b.vari[c]+float64(b.Eps)) }

func (b *BatchNorm) normalise(y, x, z, scale, bias []float32) {
	b.y, b.x, b.z = y, x, z
	for c := range b.C {
		k := float64(scale[c]) * b.rstd(c)
		b.set(0, c, b.mean[c])
		b.set(1, c, k)
		b.set(2, c, float64(bias[c])+float64(b.lost(c)*k))
	}
	b.over(b.apply)
}

// Backward is, with g = dy where 0 < y < cap (everywhere without ReLU) and
// x̂ = (x−mean)·rstd,
//
//	dbias = Σg, dscale = Σg·x̂, dz = g, dx = scale·rstd·(g − dbias/R − x̂·dscale/R)
//
// after a Train of the same x to y. A nil destination is left out; dx may be
// dy itself.
func (b *BatchNorm) Backward(dx, dz, dscale, dbias, dy, x, y, scale []float32) {
	b.dx, b.dy, b.x, b.y, b.dz = dx, dy, x, y, dz
	if !b.ReLU {
		b.y = nil
	}
	if dz != nil {
		b.over(b.mask)
		b.dy, b.y = dz, nil
	}
	b.columns.Dots(x, b.dy, b.y, b.Cap)
	b.columns.Total(b.sum, b.dot)
	n := float64(b.R)
	for c := range b.C {
		r := b.rstd(c)
		xhat := (b.dot[c] - float64(b.mean[c]*b.sum[c])) * r // Σ g·x̂
		if dscale != nil {
			dscale[c] = float32(xhat)
		}
		if dbias != nil {
			dbias[c] = float32(b.sum[c])
		}
		b.set(0, c, b.mean[c])
		b.set(1, c, float64(scale[c])*r)
		q := xhat * r / n
		b.set(2, c, b.sum[c]/n+float64(b.lost(c)*q))
		b.set(3, c, q)
	}
	if dx != nil {
		b.over(b.grad)
	}
}

func (b *BatchNorm) applyPiece(lo, hi int) {
	for at := lo * b.C; at < hi*b.C; {
		end := min(at+len(b.coef[0]), hi*b.C)
		n := end - at
		var z []float32
		if b.z != nil {
			z = b.z[at:end]
		}
		normApply(b.y[at:end], b.x[at:end], z, b.coef[0][:n], b.coef[1][:n], b.coef[2][:n], b.ReLU, b.Cap)
		at = end
	}
}

func (b *BatchNorm) gradPiece(lo, hi int) {
	for at := lo * b.C; at < hi*b.C; {
		end := min(at+len(b.coef[0]), hi*b.C)
		n := end - at
		var y []float32
		if b.y != nil {
			y = b.y[at:end]
		}
		normGrad(b.dx[at:end], b.dy[at:end], y, b.x[at:end], b.coef[0][:n], b.coef[1][:n], b.coef[2][:n], b.coef[3][:n], b.Cap)
		at = end
	}
}

func (b *BatchNorm) maskPiece(lo, hi int) {
	lo, hi = lo*b.C, hi*b.C
	if b.y == nil {
		copy(b.dz[lo:hi], b.dy[lo:hi])
		return
	}
	ReluBackward(b.dz[lo:hi], b.dy[lo:hi], b.y[lo:hi])
}

// normApply is y = (x − mean)·scale + shift + z, brought into 0..limit
// with relu, where limit counts without z alone; z may be nil.
func normApply(y, x, z, mean, scale, shift []float32, relu bool, limit float32) {
	x, mean, scale, shift = x[:len(y)], mean[:len(y)], scale[:len(y)], shift[:len(y)]
	n := whole(len(y))
	if n > 0 {
		switch {
		case z != nil && relu:
			normAddReluAVX2(y[:n], x[:n], z[:n], mean[:n], scale[:n], shift[:n])
		case z != nil:
			normAddAVX2(y[:n], x[:n], z[:n], mean[:n], scale[:n], shift[:n])
		case relu:
			normReluAVX2(y[:n], x[:n], mean[:n], scale[:n], shift[:n], limit)
		default:
			normAVX2(y[:n], x[:n], mean[:n], scale[:n], shift[:n])
		}
	}
	for i := n; i < len(y); i++ {
		v := float32(float32(x[i]-mean[i])*scale[i]) + shift[i]
		if z != nil {
			v += z[i]
		}
		if relu && v < 0 {
			v = 0
		}
		if relu && z == nil && v > limit {
			v = limit
		}
		y[i] = v
	}
}

// normGrad is dx = k·(g − s − (x − mean)·q) with g = dy, or unless y is nil dy
// where 0 < y < limit.
func normGrad(dx, dy, y, x, mean, k, s, q []float32, limit float32) {
	n := whole(len(dx))
	switch {
	case n > 0 && y != nil:
		normReluGradAVX2(dx[:n], dy[:n], y[:n], x[:n], mean[:n], k[:n], s[:n], q[:n], limit)
	case n > 0:
		normGradAVX2(dx[:n], dy[:n], x[:n], mean[:n], k[:n], s[:n], q[:n])
	}
	for i := n; i < len(dx); i++ {
		g := dy[i]
		if y != nil && !(y[i] > 0 && y[i] < limit) {
			g = 0
		}
		dx[i] = k[i] * (float32(g-s[i]) - float32(float32(x[i]-mean[i])*q[i]))
	}
}
