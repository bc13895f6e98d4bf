package kernel

// ConvShape is a 2-D convolution of x (N, C, H, W) by w (M, C/Groups, KH, KW)
// to y (N, M, OH, OW).
type ConvShape struct {
	N, C, H, W     int
	M, KH, KW      int
	OH, OW         int
	SH, SW, DH, DW int // strides and dilations
	PT, PL         int // padding above and on the left; the rest follows from OH and OW
	Groups         int
}

// Limits of the work space, functions of the shape alone so that the pieces,
// and with them every sum, are the same on every machine.
const (
	convPieces  = 16      // images are cut into at most so many pieces
	convColumns = 256     // images are joined until a GEMM is this wide
	convMemory  = 1 << 24 // floats of work space of all pieces together
)

// Conv computes a convolution as im2col and GEMM. Images are cut into fixed
// pieces; each has its own columns and its own weight gradient, and the weight
// gradients are added in the order of the pieces.
type Conv struct {
	ConvShape
	k, area   int // rows and columns of one image's im2col matrix of one group
	block     int // images in one GEMM
	pieces    int
	direct    bool // 1×1 kernel, stride 1, no padding: x is its own im2col
	trains    bool
	pieceSize int

	x, w, b, y     []float32
	dy, dx, dw, db []float32
	work           []float32
	fwd, bwd       func(lo, hi int)
	sum            func(lo, hi int)
}

// NewConv prepares the loops for one shape.
func NewConv(s ConvShape, training bool) *Conv {
	c := &Conv{ConvShape: s, trains: training}
	c.k, c.area = s.C/s.Groups*s.KH*s.KW, s.OH*s.OW
	c.direct = s.KH == 1 && s.KW == 1 && s.SH == 1 && s.SW == 1 && s.PT == 0 && s.PL == 0 && s.OH == s.H && s.OW == s.W
	c.block = min(s.N, max(1, convColumns/c.area))
	size := func() int {
		n := 0
		if !c.direct || c.block > 1 {
			n += c.k * c.area * c.block // im2col
		}
		if c.block > 1 {
			n += s.M / s.Groups * c.area * c.block // y or dy of a block
		}
		if training {
			n += c.k*c.area*c.block + s.M*c.k + s.M // gradients of im2col, weights and bias
		}
		return n
	}
	c.pieceSize = size()
	c.pieces = max(1, min((s.N+c.block-1)/c.block, convPieces, convMemory/max(1, c.pieceSize)))
	c.fwd, c.bwd, c.sum = c.forwardPiece, c.backwardPiece, c.sumPiece
	return c
}

// Work is the number of floats of work space that Forward and Backward need.
func (c *Conv) Work() int { return c.pieces * c.pieceSize }

// Forward is y[n,m,oh,ow] = b[m] + Σ w[m,c,kh,kw]·x[n,c,oh·SH−PT+kh·DH,ow·SW−PL+kw·DW].
// b may be nil.
func (c *Conv) Forward(y, x, w, b, work []float32) {
	c.y, c.x, c.w, c.b, c.work = y, x, w, b, work
	Parallel(c.pieces, 1, c.fwd)
}

// Backward gives the gradients of x, w and b from dy; a nil destination is
// left out.
func (c *Conv) Backward(dx, dw, db, dy, x, w, work []float32) {
	c.dx, c.dw, c.db, c.dy, c.x, c.w, c.work = dx, dw, db, dy, x, w, work
	Parallel(c.pieces, 1, c.bwd)
	if dw != nil {
		Parallel(len(dw), 4096, c.sum)
	}
	if db != nil {
		for m := range db {
			var s float32
			for p := range c.pieces {
				_, _, _, _, b := c.buffers(p)
				s += b[m]
			}
			db[m] = s
		}
	}
}

// buffers cuts the work space of piece p: columns, a block of outputs, the
// gradient of the columns, of the weights and of the bias.
func (c *Conv) buffers(p int) (col, out, dcol, dw, db []float32) {
	buf := c.work[p*c.pieceSize : (p+1)*c.pieceSize]
	cut := func(n int) []float32 {
		s := buf[:n:n]
		buf = buf[n:]
		return s
	}
	wide := c.area * c.block
	if !c.direct || c.block > 1 {
		col = cut(c.k * wide)
	}
	if c.block > 1 {
		out = cut(c.M / c.Groups * wide)
	}
	if c.trains {
		dcol, dw, db = cut(c.k*wide), cut(c.M*c.k), cut(c.M)
	}
	return col, out, dcol, dw, db
}

// images gives the images of piece p.
func (c *Conv) images(p int) (lo, hi int) { return p * c.N / c.pieces, (p + 1) * c.N / c.pieces }

func (c *Conv) forwardPiece(lo, hi int) {
	mg := c.M / c.Groups
	for p := lo; p < hi; p++ {
		col, out, _, _, _ := c.buffers(p)
		first, last := c.images(p)
		for n := first; n < last; n += c.block {
			nb := min(c.block, last-n)
			wide := nb * c.area
			for g := range c.Groups {
				cols := c.columns(col, n, nb, g)
				w := c.w[g*mg*c.k : (g+1)*mg*c.k]
				y := c.y[(n*c.M+g*mg)*c.area:]
				if nb > 1 {
					y = out
				}
				for m := range mg {
					row := y[m*wide : (m+1)*wide]
					var v float32
					if c.b != nil {
						v = c.b[g*mg+m]
					}
					for i := range row {
						row[i] = v
					}
				}
				Gemm(false, false, mg, wide, c.k, 1, w, c.k, cols, wide, 1, y, wide)
				if nb > 1 {
					c.scatter(out, n, nb, g)
				}
			}
		}
	}
}

func (c *Conv) backwardPiece(lo, hi int) {
	mg := c.M / c.Groups
	for p := lo; p < hi; p++ {
		col, out, dcol, dw, db := c.buffers(p)
		clear(dw)
		clear(db)
		first, last := c.images(p)
		for n := first; n < last; n += c.block {
			nb := min(c.block, last-n)
			wide := nb * c.area
			for g := range c.Groups {
				dy := c.dy[(n*c.M+g*mg)*c.area:]
				if nb > 1 {
					c.gather(out, n, nb, g)
					dy = out
				}
				if c.db != nil {
					for m := range mg {
						db[g*mg+m] += sumFloats(dy[m*wide : (m+1)*wide])
					}
				}
				if c.dw != nil {
					cols := c.columns(col, n, nb, g)
					Gemm(false, true, mg, c.k, wide, 1, dy, wide, cols, wide, 1, dw[g*mg*c.k:], c.k)
				}
				if c.dx != nil {
					w := c.w[g*mg*c.k : (g+1)*mg*c.k]
					Gemm(true, false, c.k, wide, mg, 1, w, c.k, dy, wide, 0, dcol, wide)
					c.spread(dcol, n, nb, g)
				}
			}
		}
	}
}

// sumPiece adds the pieces' weight gradients in their order.
func (c *Conv) sumPiece(lo, hi int) {
	dst := c.dw[lo:hi]
	for p := range c.pieces {
		_, _, _, dw, _ := c.buffers(p)
		src := dw[lo:hi]
		if p == 0 {
			copy(dst, src)
			continue
		}
		Add(dst, dst, src)
	}
}

// scatter copies a block of outputs (M/G, nb, area) to y (nb, M, area).
func (c *Conv) scatter(out []float32, n, nb, g int) {
	mg := c.M / c.Groups
	for m := range mg {
		for i := range nb {
			src := out[(m*nb+i)*c.area : (m*nb+i+1)*c.area]
			copy(c.y[((n+i)*c.M+g*mg+m)*c.area:], src)
		}
	}
}

// gather copies dy (nb, M, area) to a block (M/G, nb, area).
func (c *Conv) gather(out []float32, n, nb, g int) {
	mg := c.M / c.Groups
	for m := range mg {
		for i := range nb {
			at := ((n+i)*c.M + g*mg + m) * c.area
			copy(out[(m*nb+i)*c.area:], c.dy[at:at+c.area])
		}
	}
}

// columns is im2col of nb images from n: (C/G·KH·KW, nb·OH·OW).
func (c *Conv) columns(col []float32, n, nb, g int) []float32 {
	cg := c.C / c.Groups
	if c.direct && nb == 1 {
		at := (n*c.C + g*cg) * c.area
		return c.x[at : at+cg*c.area]
	}
	row := 0
	for ch := range cg {
		for kh := range c.KH {
			for kw := range c.KW {
				dst := col[row*nb*c.area : (row+1)*nb*c.area]
				for i := range nb {
					plane := ((n+i)*c.C + g*cg + ch) * c.H * c.W
					c.column(dst[i*c.area:(i+1)*c.area], c.x[plane:plane+c.H*c.W], kh, kw)
				}
				row++
			}
		}
	}
	return col
}

// edges gives the outputs lo ≤ o < hi whose input o·stride − pad + k·dilation
// lies in [0, size).
func edges(outputs, stride, offset, size int) (lo, hi int) {
	if offset < 0 {
		lo = min(outputs, (-offset+stride-1)/stride)
	}
	if last := size - 1 - offset; last >= 0 {
		hi = min(outputs, last/stride+1)
	}
	return lo, max(lo, hi)
}

// column writes tap (kh, kw) of one plane (H, W) to dst (OH, OW).
func (c *Conv) column(dst, x []float32, kh, kw int) {
	oh0, ow0 := kh*c.DH-c.PT, kw*c.DW-c.PL
	hlo, hhi := edges(c.OH, c.SH, oh0, c.H)
	wlo, whi := edges(c.OW, c.SW, ow0, c.W)
	clear(dst[:hlo*c.OW])
	clear(dst[hhi*c.OW:])
	for oh := hlo; oh < hhi; oh++ {
		d := dst[oh*c.OW : (oh+1)*c.OW]
		s := (oh*c.SH + oh0) * c.W
		clear(d[:wlo])
		clear(d[whi:])
		if wlo == whi {
			continue
		}
		if c.SW == 1 {
			copy(d[wlo:whi], x[s+wlo+ow0:])
			continue
		}
		at := s + wlo*c.SW + ow0
		for i := wlo; i < whi; i++ {
			d[i] = x[at]
			at += c.SW
		}
	}
}

// spread is the adjoint of columns: it adds the gradient of nb images'
// columns back to dx, which it clears first.
func (c *Conv) spread(dcol []float32, n, nb, g int) {
	cg := c.C / c.Groups
	for i := range nb {
		at := ((n+i)*c.C + g*cg) * c.H * c.W
		clear(c.dx[at : at+cg*c.H*c.W])
	}
	row := 0
	for ch := range cg {
		for kh := range c.KH {
			for kw := range c.KW {
				src := dcol[row*nb*c.area : (row+1)*nb*c.area]
				for i := range nb {
					plane := ((n+i)*c.C + g*cg + ch) * c.H * c.W
					c.spreadTap(c.dx[plane:plane+c.H*c.W], src[i*c.area:(i+1)*c.area], kh, kw)
				}
				row++
			}
		}
	}
}

func (c *Conv) spreadTap(dx, src []float32, kh, kw int) {
	oh0, ow0 := kh*c.DH-c.PT, kw*c.DW-c.PL
	hlo, hhi := edges(c.OH, c.SH, oh0, c.H)
	wlo, whi := edges(c.OW, c.SW, ow0, c.W)
	for oh := hlo; oh < hhi; oh++ {
		s := src[oh*c.OW+wlo : oh*c.OW+whi]
		at := (oh*c.SH+oh0)*c.W + wlo*c.SW + ow0
		if c.SW == 1 {
			d := dx[at : at+len(s)]
			Add(d, d, s)
			continue
		}
		for _, v := range s {
			dx[at] += v
			at += c.SW
		}
	}
}

func sumFloats(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return float32(s)
}
