package kernel

// ConvShape is a 2-D convolution of x (N, H, W, C) by w (M, C/Groups, KH, KW)
// to y (N, OH, OW, M). Activations are channels-last, weights in ONNX's order.
type ConvShape struct {
	N, C, H, W     int
	M, KH, KW      int
	OH, OW         int
	SH, SW, DH, DW int // strides and dilations
	PT, PL         int // padding above and on the left; the rest follows from OH and OW
	Groups         int
}

// Limits on the pieces, functions of the shape alone so that the pieces, and
// with them every sum, are the same on every machine.
const (
	convPieces   = 16      // images are cut into at most so many pieces
	convPartials = 1 << 21 // floats of weight gradients of all pieces together, where that leaves at least
	convFewest   = 4       // so many pieces
	convDepth    = 256     // pixels that a tile of the weight gradient sums in registers, at least
	convBand     = 1 << 18 // multiply-adds worth a piece of an image's rows
	convLine     = 16      // a 1×1 convolution joins rows of fewer pixels
)

// Conv computes a convolution as an implicit matrix product: tiles of
// neighbouring pixels by channels read the channels-last image in place, or a
// copy of it inside a border of zeros, and packed weights. A depthwise
// convolution has a channel in each lane.
//
// An output is one chain of fused multiply-adds over (kh, kw, c), an input's
// gradient one over the taps and m. A weight's gradient sums pixels in blocks
// of whole images, blocks in the order of a piece, pieces in their order.
type Conv struct {
	ConvShape
	trains    bool
	depthwise bool
	x, dy     frame // what grids read
	bands     int   // an image's output rows are cut into, by the forward pass
	pieces    int   // of the backward pass
	block     int   // images of which a tile of the weight gradient sums
	forward   []*grid
	backward  []*grid // of the data gradient
	weights   *weightGrid
	scratch   []tileScratch // by piece
	bias      []float32     // repeated to a longer stretch
	packed    bool          // by Prepare
	moments   *Columns      // of y; nil unless KeepMoments was called

	// What Forward does to y while it is in the cache, after the bias.
	Residual []float32 // added, of y's shape, unless nil
	ReLU     bool
	Cap      float32 // of ReLU without a residual, unless 0

	in, w, out     []float32
	dout, din      []float32
	dw, db, work   []float32
	fwd, bwd, pack func(lo, hi int)
}

// NewConv prepares the loops for one shape; training makes room for Backward.
func NewConv(s ConvShape, training bool) *Conv { return newConv(variants[0].correlate, s, training) }

func newConv(t *correlateTiles, s ConvShape, training bool) *Conv {
	s = s.flattened()
	c := &Conv{ConvShape: s, trains: training, depthwise: s.Groups > 1 && s.Groups == s.C && s.M == s.C}
	lanes := t.narrow[0].cols
	c.layForward(t, lanes)
	c.bands = 1
	if s.N < convPieces/2 {
		work := s.OH * s.OW * s.M * s.C / s.Groups * s.KH * s.KW
		want := max(1, min(s.OH, convPieces/2/s.N, work/convBand))
		for c.bands < want && 2*c.bands <= s.OH {
			c.bands *= 2 // an even number shares well
		}
	}
	scratch := s.N * c.bands
	if training {
		c.layBackward(t, lanes)
		scratch = max(scratch, c.pieces)
	}
	c.scratch = make([]tileScratch, min(scratch, convPieces))
	c.bias = make([]float32, (512+s.M-1)/s.M*s.M)
	c.fwd, c.bwd, c.pack = c.forwardPiece, c.backwardPiece, c.packPiece
	return c
}

// flattened makes a 1×1 convolution with short rows one of a single row.
func (s ConvShape) flattened() ConvShape {
	plain := s.KH == 1 && s.KW == 1 && s.SH == 1 && s.SW == 1 && s.PT == 0 && s.PL == 0 && s.OH == s.H && s.OW == s.W
	if plain && s.W < convLine {
		s.W, s.H = s.W*s.H, 1
		s.OW, s.OH = s.W, 1
	}
	return s
}

// layForward makes the grids of the forward pass and the frame of x.
func (c *Conv) layForward(t *correlateTiles, lanes int) {
	s := &c.ConvShape
	f := frame{top: s.PT, left: s.PL, c: s.C}
	f.h, f.w = (s.OH-1)*s.SH+(s.KH-1)*s.DH+1, (s.OW-1)*s.SW+(s.KW-1)*s.DW+1
	if c.depthwise {
		f.c = (s.C + lanes - 1) / lanes * lanes
	}
	if f.top == 0 && f.left == 0 && f.h <= s.H && f.w <= s.W && f.c == s.C {
		f.direct, f.h, f.w = true, s.H, s.W
	}
	c.x = f
	groups, cg, mg := s.Groups, s.C/s.Groups, s.M/s.Groups
	if c.depthwise {
		groups, mg = 1, s.M
	}
	for n := range groups {
		g := &grid{outH: s.OH, outW: s.OW, inRow: s.SH * f.w * f.c, inCol: s.SW * f.c, outRow: s.OW * s.M, outCol: s.M,
			inAt: n * cg, outAt: n * mg, depthwise: c.depthwise, colStep: cg * s.KH * s.KW}
		segments := g.taps(taps(s.KH, s.DH), taps(s.KW, s.DW), cg, groups, f, func(kh, kw, ch int) int {
			return (n*mg*cg+ch)*s.KH*s.KW + kh*s.KW + kw
		})
		g.lay(t, mg, segments)
		c.forward = append(c.forward, g)
	}
}

// A tap is one row or column of the kernel and how far it reads from the
// first one.
type tap struct{ k, at int }

func taps(n, dilation int) []tap {
	out := make([]tap, n)
	for i := range out {
		out[i] = tap{i, i * dilation}
	}
	return out
}

// taps sets the segments of g for the given taps of ch channels: one for each
// row of the kernel where the values of the row lie side by side, else one for
// each tap; depthwise, one for each row with a step of one pixel. index is
// where a weight is, for output channel 0. It returns the segments' offsets.
func (g *grid) taps(rows, cols []tap, ch, groups int, f frame, index func(kh, kw, ch int) int) (segments []int) {
	g.count, g.ks = ch, floatSize
	together := len(cols)
	if len(cols) > 1 && (g.depthwise || groups == 1 && cols[1].at-cols[0].at == 1) {
		g.count = len(cols) * ch
		if g.depthwise {
			g.ks = (cols[1].at - cols[0].at) * f.c * floatSize
		}
	} else {
		together = 1
	}
	for _, r := range rows {
		for i := 0; i < len(cols); i += together {
			segments = append(segments, (r.at*f.w+cols[i].at)*f.c)
			for _, k := range cols[i : i+together] {
				for m := range ch {
					g.rowAt = append(g.rowAt, index(r.k, k.k, m))
				}
			}
		}
	}
	return segments
}

// Work is the number of floats of work space that Forward and Backward need.
func (c *Conv) Work() int {
	n := len(c.scratch) * c.bandSize()
	if c.trains {
		n = max(n, c.pieces*c.pieceSize())
	}
	return n
}

// bandSize is the work space of one piece of the forward pass.
func (c *Conv) bandSize() int {
	if c.x.direct {
		return 0
	}
	return ((c.bandRows()-1)*c.SH + (c.KH-1)*c.DH + 1) * c.x.w * c.x.c
}

// bandRows is the number of output rows of the largest band.
func (c *Conv) bandRows() int { return (c.OH + c.bands - 1) / c.bands }

// Prepare packs weights that Forward is called with from now on, until it is
// called again: it spares every Forward the packing.
func (c *Conv) Prepare(w []float32) {
	c.w, c.packed = w, false
	Parallel(len(c.forward), 1, c.pack)
	c.packed = true
}

func (c *Conv) packPiece(lo, hi int) {
	for _, g := range c.forward[lo:hi] {
		g.pack(c.w)
	}
}

// KeepMoments makes Forward add up the columns of y while they are in the
// cache; the sums are those of the last Forward.
func (c *Conv) KeepMoments() *Columns {
	if c.moments == nil {
		c.moments = newColumns(c.N*c.OH*c.OW, c.M, len(c.scratch))
	}
	return c.moments
}

// Forward is y[n,oh,ow,m] = b[m] + Σ w[m,c,kh,kw]·x[n,oh·SH−PT+kh·DH,ow·SW−PL+kw·DW,c].
// b may be nil.
func (c *Conv) Forward(y, x, w, b, work []float32) {
	if !c.packed {
		c.w = w
		Parallel(len(c.forward), 1, c.pack)
	}
	c.out, c.in, c.work, c.db = y, x, work, b
	if b != nil {
		for i := range c.bias {
			c.bias[i] = b[i%c.M]
		}
	}
	if c.moments != nil {
		clear(c.moments.sums)
	}
	Parallel(len(c.scratch), 1, c.fwd)
}

func (c *Conv) forwardPiece(lo, hi int) {
	units, size := c.N*c.bands, c.bandSize()
	for p := lo; p < hi; p++ {
		s, work := &c.scratch[p], c.work[p*size:]
		for u := p * units / len(c.scratch); u < (p+1)*units/len(c.scratch); u++ {
			n, band := u/c.bands, u%c.bands
			first, last := band*c.OH/c.bands, (band+1)*c.OH/c.bands
			x := c.in[n*c.H*c.W*c.C : (n+1)*c.H*c.W*c.C]
			if c.x.direct {
				x = x[first*c.SH*c.W*c.C:]
			} else {
				rows := (last-first-1)*c.SH + (c.KH-1)*c.DH + 1
				c.x.fill(work, x, c.H, c.W, c.C, c.x.top-first*c.SH, rows)
				x = work
			}
			y := c.out[n*c.OH*c.OW*c.M : (n+1)*c.OH*c.OW*c.M]
			for _, g := range c.forward {
				g.run(s, y, x, first, last)
			}
			c.finish(p, n*c.OH*c.OW*c.M+first*c.OW*c.M, n*c.OH*c.OW*c.M+last*c.OW*c.M)
		}
	}
}

// finish adds bias and residual to values [lo, hi) of y, rectifies them and
// adds up their moments for piece p.
func (c *Conv) finish(p, lo, hi int) {
	y := c.out[lo:hi]
	if c.db != nil {
		last := c.Residual == nil && c.ReLU
		for rest := y; len(rest) > 0; {
			n := min(len(rest), len(c.bias))
			if last {
				AddRelu(rest[:n], rest[:n], c.bias[:n])
			} else {
				Add(rest[:n], rest[:n], c.bias[:n])
			}
			rest = rest[n:]
		}
	}
	switch {
	case c.Residual != nil && c.ReLU:
		AddRelu(y, y, c.Residual[lo:hi])
	case c.Residual != nil:
		Add(y, y, c.Residual[lo:hi])
	case c.ReLU && c.db == nil:
		Relu(y, y)
	}
	if c.Residual == nil && c.Cap > 0 {
		Clip(y, y, 0, c.Cap)
	}
	if c.moments != nil {
		c.moments.add(p, y, nil, nil)
	}
}
