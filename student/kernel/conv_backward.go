package kernel

// layBackward makes the grids of the data gradient, one for each phase of the
// strides: the inputs of a phase are read by the same taps, a stride apart.
// With ih = phase + i·SH, output oh = i + (phase + PT − kh·DH)/SH reads it
// through those kh for which that is whole.
func (c *Conv) layBackward(t *correlateTiles, lanes int) {
	s := &c.ConvShape
	cg, mg := s.C/s.Groups, s.M/s.Groups
	mp := (mg + lanes - 1) / lanes * lanes
	if c.depthwise {
		mp = (s.M + lanes - 1) / lanes * lanes
	}
	c.weights = newWeightGrid(c, t, mp)
	area := s.OH * s.OW
	c.block = max(1, (convDepth+area-1)/area)
	c.pieces = max(1, min(s.N, convPieces, max(convFewest, convPartials/(s.M*cg*s.KH*s.KW))))
	c.block = max(1, min(c.block, s.N/c.pieces))
	c.weights.offsets(c.block)

	rows, cols := phases(s.KH, s.SH, s.DH, s.PT, s.H), phases(s.KW, s.SW, s.DW, s.PL, s.W)
	f := frame{c: s.M}
	if c.depthwise {
		f.c = mp
	}
	f.top, f.h = border(rows, s.OH, s.H, s.SH)
	f.left, f.w = border(cols, s.OW, s.W, s.SW)
	f.direct = f.top == 0 && f.left == 0 && f.h == s.OH && f.w == s.OW && f.c == s.M
	c.dy = f
	groups, gc := s.Groups, cg
	if c.depthwise {
		groups, gc = 1, s.C
	}
	for ph, rt := range rows {
		for pw, ct := range cols {
			for n := range groups {
				g := &grid{outH: ceilDiv(s.H-ph, s.SH), outW: ceilDiv(s.W-pw, s.SW), inRow: f.w * f.c, inCol: f.c,
					outRow: s.SH * s.W * s.C, outCol: s.SW * s.C, depthwise: c.depthwise,
					outAt: (ph*s.W+pw)*s.C + n*gc, colStep: s.KH * s.KW}
				if len(rt) > 0 && len(ct) > 0 {
					g.inAt = ((f.top+rt[0].at)*f.w+f.left+ct[0].at)*f.c + n*mg
				}
				segments := g.taps(fromFirst(rt), fromFirst(ct), mg, groups, f, func(kh, kw, m int) int {
					return (n*mg+m)*cg*s.KH*s.KW + kh*s.KW + kw
				})
				g.lay(t, gc, segments)
				c.backward = append(c.backward, g)
			}
		}
	}
}

// fromFirst measures distances from the first tap.
func fromFirst(taps []tap) []tap {
	out := make([]tap, len(taps))
	for i, t := range taps {
		out[i] = tap{t.k, t.at - taps[0].at}
	}
	return out
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// phases lists the taps of each phase of one axis that has inputs, with the
// distance of the output that they read from. Each tap is in one phase.
func phases(k, stride, dilation, pad, inputs int) [][]tap {
	out := make([][]tap, min(stride, inputs))
	for i := k - 1; i >= 0; i-- { // ascending distance
		d := pad - i*dilation
		if ph := (stride - d%stride) % stride; ph < len(out) {
			out[ph] = append(out[ph], tap{i, (ph + d) / stride})
		}
	}
	return out
}

// border is how many zeros must stand before outputs and how many of them and
// zeros there must be in all.
func border(phases [][]tap, outputs, inputs, stride int) (before, all int) {
	last := outputs - 1
	for ph, taps := range phases {
		if len(taps) == 0 {
			continue
		}
		before = max(before, -taps[0].at)
		last = max(last, ceilDiv(inputs-ph, stride)-1+taps[len(taps)-1].at)
	}
	return before, before + last + 1
}

// pieceSize is the work space of one piece of the backward pass: a block of
// framed x, one framed dy, a block of dy with padded channels, and the sums of
// the weights' and the bias's gradient.
func (c *Conv) pieceSize() int {
	n := c.weights.size() + 2*c.M
	if !c.x.direct {
		n += c.block * c.x.size()
	}
	if !c.dy.direct {
		n += c.dy.size()
	}
	if c.weights.copies {
		n += c.block * c.OH * c.OW * c.weights.pixel()
	}
	return n
}

// Backward gives the gradients of x, w and b from dy; a nil destination is
// left out. x may be nil where dw is.
func (c *Conv) Backward(dx, dw, db, dy, x, w, work []float32) {
	c.din, c.dw, c.db, c.dout, c.in, c.w, c.work = dx, dw, db, dy, x, w, work
	if dx != nil {
		for _, g := range c.backward {
			g.pack(w)
		}
	}
	Parallel(c.pieces, 1, c.bwd)
	size := c.pieceSize()
	if dw != nil {
		c.weights.finish(dw, work, size, c.pieces)
	}
	if db != nil {
		at := c.weights.size()
		copy(db, work[at:at+c.M])
		for p := 1; p < c.pieces; p++ {
			Add(db, db, work[p*size+at:p*size+at+c.M])
		}
	}
}

func (c *Conv) backwardPiece(lo, hi int) {
	size := c.pieceSize()
	for p := lo; p < hi; p++ {
		work := c.work[p*size : (p+1)*size]
		cut := func(n int) []float32 {
			s := work[:n:n]
			work = work[n:]
			return s
		}
		dw := cut(c.weights.size())
		db, row := cut(c.M), cut(c.M)
		var xs, dys, dyc []float32
		if !c.x.direct {
			xs = cut(c.block * c.x.size())
		}
		if !c.dy.direct {
			dys = cut(c.dy.size())
		}
		if c.weights.copies {
			dyc = cut(c.block * c.OH * c.OW * c.weights.pixel())
		}
		s := &c.scratch[p]
		clear(db)
		first, last := p*c.N/c.pieces, (p+1)*c.N/c.pieces
		for n := first; n < last; n += c.block {
			nb := min(c.block, last-n)
			dy := c.dout[n*c.OH*c.OW*c.M : (n+nb)*c.OH*c.OW*c.M]
			if c.dw != nil {
				c.weights.run(s, dw, c.framed(xs, n, nb), dy, dyc, nb, n > first)
			}
			if c.db != nil {
				clear(row)
				for i := 0; i < len(dy); i += c.M {
					Add(row, row, dy[i:i+c.M])
				}
				Add(db, db, row)
			}
			for i := range nb {
				if c.din != nil {
					c.dataGradient(s, dys, dy[i*c.OH*c.OW*c.M:(i+1)*c.OH*c.OW*c.M], n+i)
				}
			}
		}
	}
}

// framed gives nb images from n as the weight gradient reads them.
func (c *Conv) framed(xs []float32, n, nb int) []float32 {
	image := c.H * c.W * c.C
	if c.x.direct {
		return c.in[n*image : (n+nb)*image]
	}
	for i := range nb {
		c.x.fill(xs[i*c.x.size():], c.in[(n+i)*image:(n+i+1)*image], c.H, c.W, c.C, c.x.top, c.x.h)
	}
	return xs
}

// dataGradient gives dx of image n.
func (c *Conv) dataGradient(s *tileScratch, dys, dy []float32, n int) {
	if !c.dy.direct {
		c.dy.fill(dys, dy, c.OH, c.OW, c.M, c.dy.top, c.dy.h)
		dy = dys
	}
	dx := c.din[n*c.H*c.W*c.C : (n+1)*c.H*c.W*c.C]
	for _, g := range c.backward {
		g.run(s, dx, dy, 0, g.outH)
	}
}
