package dataset

import (
	"fmt"
	"strconv"
	"strings"
)

// fill is what comes in where pixels from outside an image are shown: a
// value, the nearest pixel, or the image mirrored at its outermost pixels.
type fill struct {
	from  string // fillEdge, fillReflect, or empty
	value float32
}

const (
	fillEdge    = "edge"
	fillReflect = "reflect"
)

const wantFill = "VALUE (in the units of the rows), edge or reflect"

// pixelsAndFill reads PIXELS or PIXELS,FILL.
func pixelsAndFill(s string) (n int, f fill, ok bool) {
	head, tail, given := strings.Cut(s, ",")
	if n, ok = pixels(head); !ok || !given {
		return n, f, ok
	}
	if tail == fillEdge || tail == fillReflect {
		return n, fill{from: tail}, true
	}
	f.value, ok = fillValue(tail)
	return n, f, ok
}

func fillValue(s string) (float32, bool) {
	v, err := strconv.ParseFloat(s, 32)
	return float32(v), err == nil && finite(float32(v))
}

// index is which of n pixels in a line is shown at i, or -1 for none.
func (f fill) index(i, n int) int {
	switch {
	case i >= 0 && i < n:
		return i
	case f.from == fillEdge:
		return min(max(i, 0), n-1)
	case f.from == fillReflect && i < 0:
		return -i
	case f.from == fillReflect:
		return 2*n - 2 - i
	}
	return -1
}

// translation moves images of (h, w, c) by whole pixels.
type translation struct {
	h, w, c, most int // most pixels either way
	fill          fill
}

func newTranslation(spec Spec, most int, f fill) (augmentOp, error) {
	h, w := spec.Shape[0], spec.Shape[1]
	if most >= min(h, w) {
		return nil, fmt.Errorf("the rows are images of %d×%d, expected at most %d pixels", h, w, min(h, w)-1)
	}
	return &translation{h, w, spec.Shape[2], most, f}, nil
}

func (t *translation) apply(x, tmp []float32, d *draws) {
	dy, dx := d.within(t.most), d.within(t.most)
	t.move(x, tmp, dy, dx)
}

// move shows at (y, x) the pixel of (y−dy, x−dx).
func (t *translation) move(x, tmp []float32, dy, dx int) {
	if dy == 0 && dx == 0 {
		return
	}
	copy(tmp, x)
	c, line := t.c, t.w*t.c
	lo, hi := max(0, dx), min(t.w, t.w+dx) // columns whose pixel is inside
	for y := range t.h {
		to, from := x[y*line:(y+1)*line], t.fill.index(y-dy, t.h)
		if from < 0 {
			set(to, t.fill.value)
			continue
		}
		src := tmp[from*line : (from+1)*line]
		copy(to[lo*c:hi*c], src[(lo-dx)*c:])
		t.border(to, src, dx, 0, lo)
		t.border(to, src, dx, hi, t.w)
	}
}

// border fills columns first to last-1 of one line.
func (t *translation) border(to, src []float32, dx, first, last int) {
	c := t.c
	for p := first; p < last; p++ {
		if from := t.fill.index(p-dx, t.w); from >= 0 {
			copy(to[p*c:(p+1)*c], src[from*c:])
		} else {
			set(to[p*c:(p+1)*c], t.fill.value)
		}
	}
}

func set(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
