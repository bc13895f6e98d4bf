package kernel

// A weightGrid is the gradient of a convolution's weights: for each run of
// taps whose inputs lie side by side, a matrix product of pixels,
//
//	dw[k, m] = Σ over pixels of x[pixel + k] · dy[pixel, m]
//
// with k over (kw, c) of the run. The sums of one piece are rows k of
// channels m, padded to whole vectors, group by group.
type weightGrid struct {
	c       *Conv
	copies  bool // dy is copied to pixels of whole vectors
	mp      int  // channels of one group, padded
	groups  int
	rows    int // of one group: KH·KW·C/G, or for a depthwise one KH·KW
	runs    []weightRun
	panels  []panel // cut is not used
	aOff    []int   // bytes, by segment of a block
	bOff    []int
	rowAt   []int // where row k of column 0 of group 0 is in w
	sum     func(lo, hi int)
	dst     []float32
	partial []float32
	size1   int
	pieces  int
}

// A weightRun is a stretch of rows of the gradient.
type weightRun struct {
	at, row int // floats from a pixel to its first input; first row
	rs      int // bytes between the inputs of two rows
	cut     cutting
}

func newWeightGrid(c *Conv, t *correlateTiles, mp int) *weightGrid {
	s := &c.ConvShape
	g := &weightGrid{c: c, mp: mp, groups: s.Groups}
	cg, mg := s.C/s.Groups, s.M/s.Groups
	if c.depthwise {
		g.groups, cg, mg = 1, 1, s.M
	}
	g.copies = mp != mg
	g.rows = s.KH * s.KW * cg
	f := &c.x
	together := g.groups == 1 && s.DW == 1 && !c.depthwise
	for kh := range s.KH {
		at := kh * s.DH * f.w * f.c
		switch {
		case c.depthwise:
			g.runs = append(g.runs, weightRun{at, kh * s.KW, s.DW * f.c * floatSize, cutRows(t.depthwise, s.KW)})
		case together:
			g.runs = append(g.runs, weightRun{at, kh * s.KW * cg, floatSize, nil})
		default:
			for kw := range s.KW {
				g.runs = append(g.runs, weightRun{at + kw*s.DW*f.c, (kh*s.KW + kw) * cg, floatSize, nil})
			}
		}
		for kw := range s.KW {
			for ch := range cg {
				g.rowAt = append(g.rowAt, (ch*s.KH+kh)*s.KW+kw)
			}
		}
	}
	length := cg
	if together {
		length *= s.KW
	}
	lanes := t.narrow[0].cols
	for at := 0; at < mp; {
		width := lanes
		if !c.depthwise && mp-at >= 2*lanes {
			width = 2 * lanes
		}
		p := panel{at: at, cols: width}
		switch {
		case c.depthwise:
		case width > lanes:
			p.cut = cutRows(t.wide, length)
		default:
			p.cut = cutRows(t.narrow, length)
		}
		g.panels = append(g.panels, p)
		at += width
	}
	g.sum = g.sumRows
	return g
}

// pixel is the number of floats from one pixel of dy to the next.
func (g *weightGrid) pixel() int {
	if g.copies {
		return g.groups * g.mp
	}
	return g.c.M
}

// size is the number of floats of one piece's sums.
func (g *weightGrid) size() int { return g.groups * g.rows * g.mp }

// offsets lists where the rows of pixels of nb images begin.
func (g *weightGrid) offsets(nb int) {
	c := g.c
	for i := len(g.aOff); i < nb*c.OH; i++ {
		n, oh := i/c.OH, i%c.OH
		g.aOff = append(g.aOff, (n*c.x.size()+oh*c.SH*c.x.w*c.x.c)*floatSize)
		g.bOff = append(g.bOff, i*c.OW*g.pixel()*floatSize)
	}
}

// run adds the products of nb framed images x and their dy to dw, or sets it.
func (g *weightGrid) run(s *tileScratch, dw, x, dy, dyc []float32, nb int, add bool) {
	c := g.c
	if g.copies {
		g.pad(dyc, dy)
		dy = dyc
	}
	a := &s.args
	a.segments, a.count = nb*c.OH, c.OW
	a.aOff, a.bOff = &g.aOff[0], &g.bOff[0]
	a.ks, a.bs, a.ldc = c.SW*c.x.c*floatSize, g.pixel()*floatSize, g.mp*floatSize
	a.add = 0
	if add {
		a.add = 1
	}
	cg, mg := c.C/c.Groups, g.mp
	if !g.copies {
		mg = c.M / g.groups
	}
	for n := range g.groups {
		for i := range g.panels {
			p := &g.panels[i]
			a.b = floatAt(dy, n*mg+p.at)
			for k := range g.runs {
				r := &g.runs[k]
				cut, from, row := p.cut, r.at+n*cg, n*g.rows+r.row
				if c.depthwise {
					cut, from = r.cut, r.at+p.at
				}
				a.rs = r.rs
				for _, t := range cut {
					a.a, a.c = floatAt(x, from), floatAt(dw, row*g.mp+p.at)
					t.run(a.ints())
					from += t.rows * r.rs / floatSize
					row += t.rows
				}
			}
		}
	}
}

// pad copies pixels of M channels to groups of mp.
func (g *weightGrid) pad(dst, dy []float32) {
	mg := g.c.M / g.groups
	for len(dy) > 0 {
		d := dst[:g.mp]
		clear(d[copy(d, dy[:mg]):])
		dst, dy = dst[g.mp:], dy[mg:]
	}
}

// finish adds the pieces' sums, size floats apart, in their order and brings
// them into the order of w (M, C/G, KH, KW).
func (g *weightGrid) finish(dw, work []float32, size, pieces int) {
	g.dst, g.partial, g.size1, g.pieces = dw, work, size, pieces
	Parallel(g.groups*g.rows, max(1, 4096/g.mp), g.sum)
}

func (g *weightGrid) sumRows(lo, hi int) {
	c := g.c
	sums := g.partial[lo*g.mp : hi*g.mp]
	for p := 1; p < g.pieces; p++ {
		Add(sums, sums, g.partial[p*g.size1+lo*g.mp:p*g.size1+hi*g.mp])
	}
	mg, step := c.M/g.groups, c.C/c.Groups*c.KH*c.KW
	for r := lo; r < hi; r++ {
		n, k := r/g.rows, r%g.rows
		at := n*mg*step + g.rowAt[k]
		for _, v := range g.partial[r*g.mp : r*g.mp+mg] {
			g.dst[at] = v
			at += step
		}
	}
}
