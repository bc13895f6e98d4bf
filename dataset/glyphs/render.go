package glyphs

import "math/rand/v2"

// one is 1 in the 16.16 fixed point that positions are computed in.
const one = 1 << 16

// dice draws the parameters of one image.
type dice struct{ r *rand.PCG }

// between is a value from lo to hi, each 1/65536 of that range as likely.
func (d dice) between(lo, hi int) int { return lo + (hi-lo)*int(d.r.Uint64()>>48)/one }

// one in n is how often it is true.
func (d dice) oneIn(n uint64) bool { return d.r.Uint64()%n == 0 }

// warp takes a pixel of the image to a place in a mask:
// (u, v) = M·(dx, dy) + (bendU·dy², bendV·dx²), all in 16.16 but M's argument,
// which is in half pixels from the middle.
type warp struct {
	m            [4]int // row-major, a mask pixel a half pixel
	bendU, bendV int
	tx, ty       int // where the middle of the mask goes, half pixels in 16.16
}

// newWarp draws size, aspect, slant, turn, bend and place. The capital height
// is 12 to 21 pixels, the turn within 19°.
func newWarp(d dice) warp {
	scale := capHeight * one / 2 * one / d.between(12*one, 21*one)
	aspect := d.between(one*4/5, one*5/4)
	shear := d.between(-one*3/10, one*3/10)
	t := d.between(-one*17/100, one*17/100) // tan(θ/2): cos θ = (1−t²)/(1+t²), sin θ = 2t/(1+t²)
	den := one + t*t/one
	cos, sin := (one-t*t/one)*one/den, 2*t*one/den
	kx, ky := scale*aspect/one, scale
	w := warp{
		m: [4]int{
			kx * (cos + shear*sin/one) / one, kx * (shear*cos/one - sin) / one,
			ky * sin / one, ky * cos / one,
		},
		bendU: d.between(-one/300, one/300),
		bendV: d.between(-one/300, one/300),
		tx:    d.between(-5*one, 5*one),
		ty:    d.between(-5*one, 5*one),
	}
	return w
}

// at samples the mask bilinearly for the pixel (x, y), 0..255, 0 outside.
func (w *warp) at(m *mask, x, y int) int {
	dx, dy := ((2*x+1-Side)*one-w.tx)>>8, ((2*y+1-Side)*one-w.ty)>>8 // half pixels in .8
	u := (w.m[0]*dx+w.m[1]*dy)>>8 + (w.bendU*((dy*dy)>>8))>>8 + maskSide/2*one
	v := (w.m[2]*dx+w.m[3]*dy)>>8 + (w.bendV*((dx*dx)>>8))>>8 + maskSide/2*one
	iu, iv := u>>16, v>>16
	if iu < 0 || iv < 0 || iu >= maskSide-1 || iv >= maskSide-1 {
		return 0
	}
	fu, fv := (u>>8)&0xff, (v>>8)&0xff
	p := m[iv*maskSide+iu : iv*maskSide+iu+maskSide+2]
	top := int(p[0])*(256-fu) + int(p[1])*fu
	bottom := int(p[maskSide])*(256-fu) + int(p[maskSide+1])*fu
	return (top*(256-fv) + bottom*fv) >> 16
}

// stroke cuts a blurred mask at a level: value = gain·(mask − level) + 128,
// from 0 to 255. A lower level is a thicker stroke, a higher gain a sharper
// edge.
type stroke struct{ level, gain int } // gain in 24.8

func (s stroke) ink(mask int) int {
	return max(0, min(255, (mask-s.level)*s.gain>>8+128))
}

// render draws one image of the class into dst, (Side, Side).
func (set maskSet) render(dst []float32, class int, r *rand.PCG) {
	d := dice{r}
	w := newWarp(d)
	font := d.between(0, len(set))
	s := stroke{level: d.between(85, 140), gain: d.between(256*3/2, 256*3)}
	var img [Side * Side]int
	glyph := &set[font][class]
	for y := range Side {
		for x := range Side {
			img[y*Side+x] = s.ink(w.at(glyph, x, y))
		}
	}
	if d.oneIn(3) {
		set.neighbour(&img, &set[font][d.between(0, len(characters))], w, s, d)
	}
	if d.oneIn(4) {
		scratch(&img, d)
	}
	tone(dst, &img, d)
}

// neighbour draws the glyph that stands to the left or the right in the line.
func (set maskSet) neighbour(img *[Side * Side]int, glyph *mask, w warp, s stroke, d dice) {
	away := d.between(34*one, 44*one) // half pixels
	if d.oneIn(2) {
		away = -away
	}
	w.tx += away
	for y := range Side {
		for x := range Side {
			img[y*Side+x] = max(img[y*Side+x], s.ink(w.at(glyph, x, y)))
		}
	}
}

// scratch draws a straight line across the image, black or gray.
func scratch(img *[Side * Side]int, d dice) {
	shade := d.between(0, 2) * d.between(60, 180)
	// points (x, y) with |nx·x + ny·y − c| small, in half pixels
	nx, ny := d.between(-one, one), d.between(-one, one)
	norm := max(nx, -nx) + max(ny, -ny) + 1
	c := d.between(-16*one, 16*one)
	for y := range Side {
		for x := range Side {
			far := (nx*(2*x+1-Side)+ny*(2*y+1-Side))/norm*one - c
			far += ((nx*(2*x+1-Side) + ny*(2*y+1-Side)) % norm) * one / norm
			if far > -one && far < one {
				img[y*Side+x] = shade
			}
		}
	}
}

// tone sets the contrast, a slope of the background, and noise: the difference
// of two bytes, whose deviation is 104, scaled to 2 to 30.
func tone(dst []float32, img *[Side * Side]int, d dice) {
	light := d.between(130, 256)
	dark := d.between(0, 60)
	slopeX, slopeY := d.between(-one, one), d.between(-one, one)
	amp := d.between(2*256/104, 30*256/104)
	var bits uint64
	for i := range dst {
		if i%4 == 0 {
			bits = d.r.Uint64()
		}
		noise := (int(bits&0xff) - int(bits>>8&0xff)) * amp >> 8
		bits >>= 16
		x, y := i%Side-Side/2, i/Side-Side/2
		back := max(0, dark+(slopeX*x+slopeY*y)>>16)
		v := back + img[i]*(light-back)/255 + noise
		dst[i] = float32(max(0, min(255, v)))
	}
}
