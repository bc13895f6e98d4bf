package dataset

import (
	"math"
	"strings"
)

func init() {
	registerAugment(AugmentKind{
		Name: "affine", Example: "affine=10,0.1", About: "turn by up to so many degrees and resize by a factor of 1 ± the second, bilinear, 0 outside",
		images: true, want: "affine=DEGREES or affine=DEGREES,SCALE with DEGREES from 0 to 180, SCALE from 0 to 0.9, and one above 0",
		parse: func(value string, _ bool) (augmentSettings, bool) {
			head, tail, given := strings.Cut(value, ",")
			degrees, ok := decimal(head, 0, 180)
			scale := 0.0
			if ok && given {
				scale, ok = decimal(tail, 0, 0.9)
			}
			return affine{degrees, scale}, ok && degrees+scale > 0
		},
	})
}

// affine turns an image about its centre by an angle in [−degrees, degrees]
// and resizes it by a factor in [1−scale, 1+scale].
type affine struct{ degrees, scale float64 }

func (s affine) compile(spec Spec, _ []float32) (augmentOp, error) {
	return &affineMap{s, spec.Shape[0], spec.Shape[1], spec.Shape[2]}, nil
}

type affineMap struct {
	affine
	h, w, c int
}

func (s *affineMap) apply(x, tmp []float32, d *draws) {
	turn := d.around(s.degrees)
	s.warp(x, tmp, turn*math.Pi/180, 1+d.around(s.scale))
}

// warp shows at offset (x, y) from the centre what lies at
// ((cos·x + sin·y)/factor, (cos·y − sin·x)/factor): with y downwards it turns
// clockwise. Places are counted in 2⁻¹⁶ of a pixel, so that their bits depend
// on nothing, and interpolated bilinearly with 0 outside.
func (s *affineMap) warp(x, tmp []float32, angle, factor float64) {
	copy(tmp, x)
	sin, cos := math.Sincos(angle)
	const one = 1 << 16
	a, b := int(math.Round(cos/factor*one)), int(math.Round(sin/factor*one))
	h, w, c := s.h, s.w, s.c
	for y := range h {
		oy, ox := 2*y-(h-1), -(w - 1) // twice the offset of the first pixel
		px, py := (a*ox+b*oy)/2+(w-1)*one/2, (a*oy-b*ox)/2+(h-1)*one/2
		for q := range w {
			s.sample(x[(y*w+q)*c:(y*w+q+1)*c], tmp, px+q*a, py-q*b)
		}
	}
}

// sample interpolates the pixel at (px, py)·2⁻¹⁶ of src.
func (s *affineMap) sample(to, src []float32, px, py int) {
	left, top := px>>16, py>>16
	if left < -1 || top < -1 || left >= s.w || top >= s.h {
		clear(to)
		return
	}
	fx, fy := float32(px&0xffff)*0x1p-16, float32(py&0xffff)*0x1p-16
	inTop, inBottom := top >= 0, top+1 < s.h
	inLeft, inRight := left >= 0, left+1 < s.w
	at, next := (top*s.w+left)*s.c, s.w*s.c
	for k := range to {
		var p00, p01, p10, p11 float32
		i := at + k
		if inTop && inLeft {
			p00 = src[i]
		}
		if inTop && inRight {
			p01 = src[i+s.c]
		}
		if inBottom && inLeft {
			p10 = src[i+next]
		}
		if inBottom && inRight {
			p11 = src[i+next+s.c]
		}
		upper := p00 + float32(fx*(p01-p00))
		lower := p10 + float32(fx*(p11-p10))
		to[k] = upper + float32(fy*(lower-upper))
	}
}
