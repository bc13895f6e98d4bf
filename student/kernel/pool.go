package kernel

import "math"

// Window is the shape of a 2-D pooling: channels-last images (N, H, W, C)
// become (N, OH, OW, C).
type Window struct {
	N, C, H, W, OH, OW int
	KH, KW, SH, SW     int  // kernel and stride
	PT, PL             int  // padding above and on the left
	PB, PR             int  // padding below and on the right
	DH, DW             int  // dilation
	CountPad           bool // AveragePool divides by the padded window's size
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

// edges gives the outputs lo ≤ o < hi whose input o·stride + offset lies in
// [0, size).
func edges(outputs, stride, offset, size int) (lo, hi int) {
	if offset < 0 {
		lo = min(outputs, (-offset+stride-1)/stride)
	}
	if last := size - 1 - offset; last >= 0 {
		hi = min(outputs, last/stride+1)
	}
	return lo, max(lo, hi)
}

// rowGrain is the number of output rows worth a goroutine's while.
func (w *Window) rowGrain() int { return max(1, Grain/(w.OW*w.C*w.KH*w.KW)) }

// taps calls f for each tap of output row oh of image n that reads the input:
// pixels [lo, hi) of the row, the first of which reads x from at on.
func (w *Window) taps(n, oh int, f func(tap, lo, hi, at int)) {
	h0, kh0, kh1 := span(oh, w.SH, w.PT, w.DH, w.KH, w.H)
	for kh := kh0; kh < kh1; kh++ {
		for kw := range w.KW {
			offset := kw*w.DW - w.PL
			if lo, hi := edges(w.OW, w.SW, offset, w.W); lo < hi {
				f(kh*w.KW+kw, lo, hi, ((n*w.H+h0+kh*w.DH)*w.W+lo*w.SW+offset)*w.C)
			}
		}
	}
}

// MaxPool keeps, for each output, the largest value of its window.
type MaxPool struct {
	Window
	arg      []int32   // by output: the tap it came from; −1: none
	lowest   []float32 // what a row of outputs begins with
	none     []int32
	x, y     []float32
	dx, dy   []float32
	fwd, bwd func(lo, hi int)
}

// NewMaxPool prepares the loops for one shape.
func NewMaxPool(w Window) *MaxPool {
	p := &MaxPool{Window: w, arg: make([]int32, w.N*w.OH*w.OW*w.C)}
	p.lowest, p.none = make([]float32, w.OW*w.C), make([]int32, w.OW*w.C)
	for i := range p.none {
		p.lowest[i], p.none[i] = float32(math.Inf(-1)), -1
	}
	p.fwd, p.bwd = p.forwardRows, p.backwardImages
	return p
}

// Forward is y (N, OH, OW, C) = the maximum over each window of x (N, H, W, C);
// the first of equals counts. NaN in a window is its maximum.
func (p *MaxPool) Forward(y, x []float32) {
	p.y, p.x = y, x
	Parallel(p.N*p.OH, p.rowGrain(), p.fwd)
}

// Backward adds each dy to the input it came from; dx is overwritten.
func (p *MaxPool) Backward(dx, dy []float32) {
	p.dx, p.dy = dx, dy
	Parallel(p.N, max(1, p.rowGrain()/p.OH), p.bwd)
}

func (p *MaxPool) forwardRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		row := r * p.OW * p.C
		y, arg := p.y[row:row+p.OW*p.C], p.arg[row:row+p.OW*p.C]
		copy(y, p.lowest)
		copy(arg, p.none)
		p.taps(r/p.OH, r%p.OH, func(tap, lo, hi, at int) {
			maxPoolTap(p.x[at:], y[lo*p.C:hi*p.C], arg[lo*p.C:hi*p.C], p.C, p.SW*p.C, int32(tap))
		})
	}
}

func (p *MaxPool) backwardImages(lo, hi int) {
	image := p.H * p.W * p.C
	clear(p.dx[lo*image : hi*image])
	for r := lo * p.OH; r < hi*p.OH; r++ {
		row := r * p.OW * p.C
		dy, arg := p.dy[row:row+p.OW*p.C], p.arg[row:row+p.OW*p.C]
		p.taps(r/p.OH, r%p.OH, func(tap, lo, hi, at int) {
			maxPoolGrad(p.dx[at:], dy[lo*p.C:hi*p.C], arg[lo*p.C:hi*p.C], p.C, p.SW*p.C, int32(tap))
		})
	}
}

// maxPoolTap puts x into y, and tap into arg, where x is greater than y or
// NaN. Pixels are c values, those of x step values apart.
func maxPoolTap(x, y []float32, arg []int32, c, step int, tap int32) {
	pixels := len(y) / c
	_ = x[(pixels-1)*step+c-1]
	if hasAVX2 && c%vectorStep == 0 {
		maxPoolTapAVX2(&x[0], &y[0], &arg[0], pixels, c, step*floatSize, tap)
		return
	}
	for at := 0; at < len(y); at += c {
		for i, v := range x[:c] {
			if old := y[at+i]; !(v <= old) && old == old {
				y[at+i], arg[at+i] = v, tap
			}
		}
		if at+c < len(y) {
			x = x[step:]
		}
	}
}

// maxPoolGrad adds dy to dx where arg is tap.
func maxPoolGrad(dx, dy []float32, arg []int32, c, step int, tap int32) {
	pixels := len(dy) / c
	_ = dx[(pixels-1)*step+c-1]
	if hasAVX2 && c%vectorStep == 0 {
		maxPoolGradAVX2(&dx[0], &dy[0], &arg[0], pixels, c, step*floatSize, tap)
		return
	}
	for at := 0; at < len(dy); at += c {
		for i := range c {
			if arg[at+i] == tap {
				dx[i] += dy[at+i]
			}
		}
		if at+c < len(dy) {
			dx = dx[step:]
		}
	}
}

// AveragePool gives the mean of each window.
type AveragePool struct {
	Window
	inverse  []float32 // by output pixel: 1 / values counted
	x, y     []float32
	dx, dy   []float32
	fwd, bwd func(lo, hi int)
}

// NewAveragePool prepares the loops for one shape.
func NewAveragePool(w Window) *AveragePool {
	p := &AveragePool{Window: w, inverse: make([]float32, w.OH*w.OW)}
	for oh := range w.OH {
		for ow := range w.OW {
			p.inverse[oh*w.OW+ow] = float32(1 / float64(w.counted(oh, ow)))
		}
	}
	p.fwd, p.bwd = p.forwardRows, p.backwardImages
	return p
}

// counted is the number of values that the mean at (oh, ow) is taken of: the
// taps that lie in the input, or with CountPad in the input and its padding.
func (w *Window) counted(oh, ow int) int {
	h, v := w.H, w.W
	pt, pl := w.PT, w.PL
	if w.CountPad {
		h, v, pt, pl = w.H+w.PT+w.PB, w.W+w.PL+w.PR, 0, 0
	}
	_, h0, h1 := span(oh, w.SH, pt, w.DH, w.KH, h)
	_, w0, w1 := span(ow, w.SW, pl, w.DW, w.KW, v)
	return max(1, max(0, h1-h0)*max(0, w1-w0))
}

// Forward is y (N, OH, OW, C) = the mean over each window of x (N, H, W, C),
// padding counted only when CountPad.
func (p *AveragePool) Forward(y, x []float32) {
	p.y, p.x = y, x
	Parallel(p.N*p.OH, p.rowGrain(), p.fwd)
}

// Backward spreads dy evenly over its window; dx is overwritten.
func (p *AveragePool) Backward(dx, dy []float32) {
	p.dx, p.dy = dx, dy
	Parallel(p.N, max(1, p.rowGrain()/p.OH), p.bwd)
}

func (p *AveragePool) forwardRows(lo, hi int) {
	c := p.C
	for r := lo; r < hi; r++ {
		y := p.y[r*p.OW*c : (r+1)*p.OW*c]
		clear(y)
		p.taps(r/p.OH, r%p.OH, func(_, lo, hi, at int) {
			for ow := lo; ow < hi; ow++ {
				d := y[ow*c : (ow+1)*c]
				Add(d, d, p.x[at:at+c])
				at += p.SW * c
			}
		})
		for ow := range p.OW {
			mean := y[ow*c : (ow+1)*c]
			MulScalar(mean, mean, p.inverse[r%p.OH*p.OW+ow])
		}
	}
}

func (p *AveragePool) backwardImages(lo, hi int) {
	c, image := p.C, p.H*p.W*p.C
	clear(p.dx[lo*image : hi*image])
	for r := lo * p.OH; r < hi*p.OH; r++ {
		p.taps(r/p.OH, r%p.OH, func(_, lo, hi, at int) {
			for ow := lo; ow < hi; ow++ {
				d := p.dx[at : at+c]
				Axpy(p.inverse[r%p.OH*p.OW+ow], p.dy[(r*p.OW+ow)*c:(r*p.OW+ow+1)*c], d)
				at += p.SW * c
			}
		})
	}
}

// GlobalAverage is the mean of each image (S pixels of C channels).
type GlobalAverage struct {
	N, S, C  int
	sums     []float64 // by image: two sums of rows side by side
	x, y     []float32
	dx, dy   []float32
	fwd, bwd func(lo, hi int)
}

// NewGlobalAverage prepares the loops for one shape.
func NewGlobalAverage(n, s, c int) *GlobalAverage {
	p := &GlobalAverage{N: n, S: s, C: c, sums: make([]float64, 2*n*wideColumns(c))}
	p.fwd, p.bwd = p.forwardImages, p.backwardImages
	return p
}

func (p *GlobalAverage) grain() int { return max(1, Grain/(p.S*p.C)) }

// Forward is y (N, C) = the mean over s of x (N, S, C), summed in float64.
func (p *GlobalAverage) Forward(y, x []float32) {
	p.y, p.x = y, x
	clear(p.sums)
	Parallel(p.N, p.grain(), p.fwd)
}

// Backward is dx = dy/S.
func (p *GlobalAverage) Backward(dx, dy []float32) {
	p.dx, p.dy = dx, dy
	Parallel(p.N, p.grain(), p.bwd)
}

func (p *GlobalAverage) forwardImages(lo, hi int) {
	wide := wideColumns(p.C)
	for n := lo; n < hi; n++ {
		sums := p.sums[2*n*wide : (2*n+2)*wide]
		addColumns(sums[:wide], sums[wide:], p.x[n*p.S*p.C:(n+1)*p.S*p.C], nil, nil, 0)
		fold(sums[:p.C], sums[p.C:wide])
		y := p.y[n*p.C : (n+1)*p.C]
		for c := range y {
			y[c] = float32(sums[c] / float64(p.S))
		}
	}
}

func (p *GlobalAverage) backwardImages(lo, hi int) {
	for n := lo; n < hi; n++ {
		dx := p.dx[n*p.S*p.C : (n+1)*p.S*p.C]
		first := dx[:p.C]
		for c, v := range p.dy[n*p.C : (n+1)*p.C] {
			first[c] = v / float32(p.S)
		}
		for at := p.C; at < len(dx); at += p.C {
			copy(dx[at:at+p.C], first)
		}
	}
}
