package kernel

import "unsafe"

// A grid is the correlation of a channels-last image with packed weights: the
// loop that a convolution's forward pass and its data gradient share. Output
// pixel (i, j) reads the input from inAt + i·inRow + j·inCol on, one segment
// for each run of taps whose values lie side by side.
type grid struct {
	outH, outW     int
	inRow, inCol   int // floats between the inputs of neighbouring outputs
	outRow, outCol int // floats between neighbouring outputs
	inAt, outAt    int // floats
	count          int // of one segment
	ks             int // bytes between the values of a segment
	aOff           []int
	bOff           map[int][]int // by width of a panel
	panels         []panel
	depthwise      bool

	rowAt   []int // by row of the packed weights: where its column 0 is in w
	colStep int   // from one column to the next in w
	packed  []float32
}

// A panel is a stretch of output channels as wide as one tile.
type panel struct {
	at, cols, valid int
	cut             cutting // of one row of output pixels
}

// lay makes the panels for cols output channels and the offsets of segments.
// Offsets of A are in floats.
func (g *grid) lay(t *correlateTiles, cols int, segments []int) {
	lanes := t.narrow[0].cols
	g.bOff = map[int][]int{}
	for _, s := range segments {
		g.aOff = append(g.aOff, s*floatSize)
	}
	for at := 0; at < cols; {
		tiles, width := t.narrow, lanes
		if g.depthwise {
			tiles = t.depthwise
		} else if cols-at > lanes {
			tiles, width = t.wide, 2*lanes
		}
		g.panels = append(g.panels, panel{at, width, min(width, cols-at), cutRows(tiles, g.outW)})
		if g.bOff[width] == nil {
			for s := range segments {
				g.bOff[width] = append(g.bOff[width], s*g.count*width*floatSize)
			}
		}
		at += width
	}
	if n := len(g.panels); n > 0 {
		last := g.panels[n-1]
		g.packed = make([]float32, (last.at+last.cols)*len(g.rowAt))
	}
}

// pack brings the weights into the order in which tiles read them: panel by
// panel, each a row of columns for every value of every segment. Columns
// beyond the last channel are 0.
func (g *grid) pack(w []float32) {
	for _, p := range g.panels {
		dst := g.packed[p.at*len(g.rowAt):]
		for r, at := range g.rowAt {
			row := dst[r*p.cols : r*p.cols+p.valid]
			at += p.at * g.colStep
			for j := range row {
				row[j] = w[at]
				at += g.colStep
			}
		}
	}
}

// tileScratch is what one goroutine needs to run tiles.
type tileScratch struct {
	args correlateArgs
	edge [16 * 32]float32 // a tile of which not all columns are valid
}

// run computes rows [lo, hi) of the output from in, whose first value is that
// of output row lo, into out, where output row 0 begins.
func (g *grid) run(s *tileScratch, out, in []float32, lo, hi int) {
	if len(g.panels) == 0 || lo >= hi {
		return
	}
	a := &s.args
	a.segments, a.count, a.ks, a.rs, a.add = len(g.aOff), g.count, g.ks, g.inCol*floatSize, 0
	a.aOff = first(g.aOff)
	for i := range g.panels {
		p := &g.panels[i]
		a.bs, a.bOff = p.cols*floatSize, first(g.bOff[p.cols])
		a.b = floatAt(g.packed, p.at*len(g.rowAt))
		for row := lo; row < hi; row++ {
			from, to := g.inAt+(row-lo)*g.inRow, g.outAt+row*g.outRow+p.at
			if g.depthwise {
				from += p.at
			}
			for _, t := range p.cut {
				if len(g.aOff) > 0 {
					a.a = floatAt(in, from)
				}
				if p.valid == p.cols {
					a.c, a.ldc = &out[to], g.outCol*floatSize
					t.run(a.ints())
				} else {
					a.c, a.ldc = &s.edge[0], p.cols*floatSize
					t.run(a.ints())
					for r := range t.rows {
						copy(out[to+r*g.outCol:to+r*g.outCol+p.valid], s.edge[r*p.cols:])
					}
				}
				from += t.rows * g.inCol
				to += t.rows * g.outCol
			}
		}
	}
}

func first(list []int) *int {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

// floatAt is &x[i], or nil for nothing to read.
func floatAt(x []float32, i int) *float32 {
	if len(x) == 0 {
		return nil
	}
	return (*float32)(unsafe.Pointer(&x[i]))
}

// A frame is a channels-last image inside a border of zeros.
type frame struct {
	top, left int
	h, w, c   int  // with the border; c may exceed the image's channels
	direct    bool // the image serves as it is
}

func (f frame) size() int { return f.h * f.w * f.c }

// fill copies rows of src (h, w, c) into dst such that src's row 0 is at
// dst's row top, which may be negative. A frame may end before src begins,
// where a stride leaves all of src out.
func (f frame) fill(dst, src []float32, h, w, c, top, rows int) {
	line := f.w * f.c
	left := min(f.left, f.w)
	n := min(w, f.w-left)
	for i := range rows {
		row := dst[i*line : (i+1)*line]
		at := i - top
		if at < 0 || at >= h {
			clear(row)
			continue
		}
		clear(row[:left*f.c])
		if f.c == c {
			copy(row[left*c:], src[at*w*c:(at*w+n)*c])
		} else {
			for j := range n {
				d := row[(left+j)*f.c : (left+j+1)*f.c]
				clear(d[copy(d, src[(at*w+j)*c:(at*w+j+1)*c]):])
			}
		}
		clear(row[(left+n)*f.c:])
	}
}
