package kernel

import "math"

// Window is the shape of a 2-D pooling: planes of (H, W) become (OH, OW).
type Window struct {
	Planes, H, W, OH, OW int
	KH, KW, SH, SW       int  // kernel and stride
	PT, PL               int  // padding above and on the left
	PB, PR               int  // padding below and on the right
	DH, DW               int  // dilation
	CountPad             bool // AveragePool divides by the padded window's size
}

// span gives the taps lo ≤ k < hi of a window at output position o whose
// input o·stride − pad + k·dilation lies in [0, size).
func span(o, stride, pad, dilation, kernel, size int) (start, lo, hi int) {
	start = o*stride - pad
	lo, hi = 0, kernel
	if start < 0 {
		lo = (-start + dilation - 1) / dilation
	}
	if last := size - 1 - start; last < 0 {
		hi = 0
	} else if k := last/dilation + 1; k < hi {
		hi = k
	}
	return start, lo, hi
}

// MaxPool keeps, for each output, the largest value of its window.
type MaxPool struct {
	Window
	arg       []int32 // input index within the plane of each output; −1: none
	x, y      []float32
	dx, dy    []float32
	fwd, bwd  func(lo, hi int)
	keepIndex bool
}

// NewMaxPool prepares the loops; training keeps the indices for Backward.
func NewMaxPool(w Window, training bool) *MaxPool {
	p := &MaxPool{Window: w, keepIndex: training}
	if training {
		p.arg = make([]int32, w.Planes*w.OH*w.OW)
	}
	p.fwd, p.bwd = p.forwardPiece, p.backwardPiece
	return p
}

func (w *Window) grain() int { return max(1, 16384/(w.H*w.W+w.OH*w.OW*w.KH*w.KW)) }

// Forward is y (Planes, OH, OW) = the maximum over each window of x (Planes,
// H, W); the first of equals counts. NaN in a window is its maximum.
func (p *MaxPool) Forward(y, x []float32) {
	p.y, p.x = y, x
	Parallel(p.Planes, p.grain(), p.fwd)
}

// Backward adds each dy to the input it came from; dx is overwritten.
func (p *MaxPool) Backward(dx, dy []float32) {
	p.dx, p.dy = dx, dy
	Parallel(p.Planes, p.grain(), p.bwd)
}

func (p *MaxPool) forwardPiece(lo, hi int) {
	for c := lo; c < hi; c++ {
		x := p.x[c*p.H*p.W : (c+1)*p.H*p.W]
		o := c * p.OH * p.OW
		for oh := range p.OH {
			h0, kh0, kh1 := span(oh, p.SH, p.PT, p.DH, p.KH, p.H)
			for ow := range p.OW {
				w0, kw0, kw1 := span(ow, p.SW, p.PL, p.DW, p.KW, p.W)
				best, at := float32(math.Inf(-1)), int32(-1)
				for kh := kh0; kh < kh1; kh++ {
					i := (h0+kh*p.DH)*p.W + w0 + kw0*p.DW
					for kw := kw0; kw < kw1; kw++ {
						if v := x[i]; v > best || at < 0 || v != v {
							best, at = v, int32(i)
						}
						i += p.DW
					}
				}
				p.y[o] = best
				if p.keepIndex {
					p.arg[o] = at
				}
				o++
			}
		}
	}
}

func (p *MaxPool) backwardPiece(lo, hi int) {
	for c := lo; c < hi; c++ {
		dx := p.dx[c*p.H*p.W : (c+1)*p.H*p.W]
		clear(dx)
		o := c * p.OH * p.OW
		for i, a := range p.arg[o : o+p.OH*p.OW] {
			if a >= 0 {
				dx[a] += p.dy[o+i]
			}
		}
	}
}

// AveragePool gives the mean of each window.
type AveragePool struct {
	Window
	x, y     []float32
	dx, dy   []float32
	fwd, bwd func(lo, hi int)
}

// NewAveragePool prepares the loops for one shape.
func NewAveragePool(w Window) *AveragePool {
	p := &AveragePool{Window: w}
	p.fwd, p.bwd = p.forwardPiece, p.backwardPiece
	return p
}

// Forward is y (Planes, OH, OW) = the mean over each window of x (Planes, H,
// W), padding counted only when CountPad.
func (p *AveragePool) Forward(y, x []float32) {
	p.y, p.x = y, x
	Parallel(p.Planes, p.grain(), p.fwd)
}

// Backward spreads dy evenly over its window; dx is overwritten.
func (p *AveragePool) Backward(dx, dy []float32) {
	p.dx, p.dy = dx, dy
	Parallel(p.Planes, p.grain(), p.bwd)
}

// divisor is the number of values of the window at (oh, ow): the taps that
// lie in the input, or with CountPad in the input and its padding.
func (p *AveragePool) divisor(oh, ow, taps int) float32 {
	if !p.CountPad {
		return float32(max(1, taps))
	}
	_, h0, h1 := span(oh, p.SH, 0, p.DH, p.KH, p.H+p.PT+p.PB)
	_, w0, w1 := span(ow, p.SW, 0, p.DW, p.KW, p.W+p.PL+p.PR)
	return float32(max(1, (h1-h0)*(w1-w0)))
}

func (p *AveragePool) forwardPiece(lo, hi int) {
	for c := lo; c < hi; c++ {
		x := p.x[c*p.H*p.W : (c+1)*p.H*p.W]
		o := c * p.OH * p.OW
		for oh := range p.OH {
			h0, kh0, kh1 := span(oh, p.SH, p.PT, p.DH, p.KH, p.H)
			for ow := range p.OW {
				w0, kw0, kw1 := span(ow, p.SW, p.PL, p.DW, p.KW, p.W)
				var sum float32
				for kh := kh0; kh < kh1; kh++ {
					i := (h0+kh*p.DH)*p.W + w0 + kw0*p.DW
					for kw := kw0; kw < kw1; kw++ {
						sum += x[i]
						i += p.DW
					}
				}
				p.y[o] = sum / p.divisor(oh, ow, max(0, kh1-kh0)*max(0, kw1-kw0))
				o++
			}
		}
	}
}

func (p *AveragePool) backwardPiece(lo, hi int) {
	for c := lo; c < hi; c++ {
		dx := p.dx[c*p.H*p.W : (c+1)*p.H*p.W]
		clear(dx)
		o := c * p.OH * p.OW
		for oh := range p.OH {
			h0, kh0, kh1 := span(oh, p.SH, p.PT, p.DH, p.KH, p.H)
			for ow := range p.OW {
				w0, kw0, kw1 := span(ow, p.SW, p.PL, p.DW, p.KW, p.W)
				g := p.dy[o] / p.divisor(oh, ow, max(0, kh1-kh0)*max(0, kw1-kw0))
				for kh := kh0; kh < kh1; kh++ {
					i := (h0+kh*p.DH)*p.W + w0 + kw0*p.DW
					for kw := kw0; kw < kw1; kw++ {
						dx[i] += g
						i += p.DW
					}
				}
				o++
			}
		}
	}
}
