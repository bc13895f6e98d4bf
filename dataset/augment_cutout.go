package dataset

import (
	"fmt"
	"strings"
)

func init() {
	registerAugment(AugmentKind{
		Name: "cutout", Example: "cutout=8", About: "put 0 into a square of that side, placed anywhere; cutout=8,128 puts 128 there",
		images: true, want: "cutout=SIDE or cutout=SIDE,VALUE with VALUE in the units of the rows",
		parse: func(value string, _ bool) (augmentSettings, bool) {
			head, tail, given := strings.Cut(value, ",")
			side, ok := pixels(head)
			v := float32(0)
			if ok && given {
				v, ok = fillValue(tail)
			}
			return cutout{side, v}, ok
		},
	})
}

// cutout masks a square (DeVries and Taylor 2017, arXiv 1708.04552): its
// centre is any pixel, so that part of it may lie outside the image, which the
// paper found to matter.
type cutout struct {
	side  int
	value float32
}

func (s cutout) compile(spec Spec, _ []float32) (augmentOp, error) {
	h, w := spec.Shape[0], spec.Shape[1]
	if s.side > max(h, w) {
		return nil, fmt.Errorf("the rows are images of %d×%d, expected a side of at most %d", h, w, max(h, w))
	}
	return &cutter{s, h, w, spec.Shape[2]}, nil
}

type cutter struct {
	cutout
	h, w, c int
}

func (s *cutter) apply(x, _ []float32, d *draws) {
	y, left := d.below(s.h)-s.side/2, d.below(s.w)-s.side/2
	lo, hi := max(left, 0), min(left+s.side, s.w)
	for line := max(y, 0); line < min(y+s.side, s.h); line++ {
		set(x[(line*s.w+lo)*s.c:(line*s.w+hi)*s.c], s.value)
	}
}
