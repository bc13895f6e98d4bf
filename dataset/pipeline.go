package dataset

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Pipeline is a Preprocess made ready for the rows of one Spec. It may be used
// from several goroutines at once.
type Pipeline struct {
	size       int  // values of a row that goes in
	turn       bool // height and width change places first
	h, w, c    int  // of an image after resizing, with the channels that come out; of a table 1, 1, features
	from       int  // channels that go in
	bgr        bool
	out        []int
	planar     bool // channels first
	resize     *resizer
	tall, wide int // of an image before resizing
	scale      float32
	mean       []float32 // (c), nil when all are 0
	std        []float32 // (c), nil when all are 1
	in         int       // values of a row after resizing
	scratch    sync.Pool // *[]float32
}

// Compile checks p against the rows that it will be applied to.
func (p Preprocess) Compile(spec Spec) (*Pipeline, error) {
	fail := func(field, format string, args ...any) (*Pipeline, error) {
		return nil, fault.New(fault.Usage, "", "preprocess."+field, format, args...)
	}
	l := &Pipeline{size: spec.Size(), in: spec.Size(), h: 1, w: 1, c: spec.Size(), scale: p.Scale}
	what := "features"
	if spec.Image {
		l.h, l.w, l.c, what = spec.Shape[0], spec.Shape[1], spec.Shape[2], "channels"
	}
	if p.Transpose && !spec.Image {
		return fail("transpose", "rows are a table of %d features, expected images", l.c)
	}
	if l.turn = p.Transpose; l.turn {
		l.h, l.w = l.w, l.h
	}
	l.from, l.bgr = l.c, p.BGR
	l.tall, l.wide = l.h, l.w
	if p.Channels != 0 && (!spec.Image || l.c != 1 && l.c != 3 || p.Channels != 1 && p.Channels != 3) {
		return fail("channels", "%d from rows of %d %s, expected images of 1 or 3 channels, and 1 or 3 of them", p.Channels, l.c, what)
	}
	if p.Channels != 0 {
		l.c = p.Channels
	}
	if p.BGR && (!spec.Image || l.c != 3) {
		return fail("bgr", "the input has %d %s, expected images with 3 channels", l.c, what)
	}
	switch p.Layout {
	case NCHW, NHWC:
		if !spec.Image {
			return fail("layout", "%s for a table of %d features, expected %s", p.Layout, l.c, Flat)
		}
	case Flat:
	default:
		return fail("layout", "got %q, expected %s, %s or %s", p.Layout, NCHW, NHWC, Flat)
	}
	if len(p.Resize) > 0 {
		if !spec.Image {
			return fail("resize", "rows are a table of %d features, expected images", l.c)
		}
		if len(p.Resize) != 2 || !validSize(p.Resize) {
			return fail("resize", "got %v, expected (H, W) with each from 1 to %d", p.Resize, maxSide)
		}
		if p.Resize[0] != l.h || p.Resize[1] != l.w {
			l.resize = newResizer(l.h, l.w, p.Resize[0], p.Resize[1])
			l.in = p.Resize[0] * p.Resize[1] * l.from
			l.h, l.w = p.Resize[0], p.Resize[1]
		}
	}
	if p.Scale == 0 {
		l.scale = 1
	} else if !finite(p.Scale) {
		return fail("scale", "got %v, expected a finite number", p.Scale)
	}
	for _, v := range []struct {
		name   string
		values []float32
		to     *[]float32
		idle   float32
	}{{"mean", p.Mean, &l.mean, 0}, {"std", p.Std, &l.std, 1}} {
		if n := len(v.values); n > 1 && n != l.c {
			return fail(v.name, "%d values for %d %s, expected 1 or %d", n, l.c, what, l.c)
		}
		for i, x := range v.values {
			if !finite(x) || v.name == "std" && x <= 0 {
				return fail(v.name+"["+strconv.Itoa(i)+"]", "got %v, expected a finite number%s", x, map[bool]string{true: " above 0"}[v.name == "std"])
			}
		}
		if len(v.values) > 0 && slices.ContainsFunc(v.values, func(x float32) bool { return x != v.idle }) {
			*v.to = spread(v.values, l.c)
		}
	}
	l.planar = spec.Image && p.Layout != NHWC && l.c > 1
	switch p.Layout {
	case NCHW:
		l.out = []int{l.c, l.h, l.w}
	case NHWC:
		l.out = []int{l.h, l.w, l.c}
	default:
		l.out = []int{l.c * l.h * l.w}
	}
	return l, nil
}

func finite(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }

// spread repeats a single value n times.
func spread(values []float32, n int) []float32 {
	if len(values) == n {
		return slices.Clone(values)
	}
	return slices.Repeat(values, n)
}

// OutShape is the shape of one row that comes out: (C, H, W), (H, W, C) or
// (D), without the batch axis.
func (l *Pipeline) OutShape() []int { return slices.Clone(l.out) }

// OutSize is the number of values of one row that comes out.
func (l *Pipeline) OutSize() int { return l.c * l.h * l.w }

// Apply turns n rows of src, (n, Size) as a Source gives them, into dst,
// (n, OutSize).
func (l *Pipeline) Apply(dst, src []float32, n int) {
	if len(src) < n*l.size || len(dst) < n*l.OutSize() {
		panic("dataset: Apply on slices that are too short")
	}
	out := l.OutSize()
	recolour := l.from != l.c || l.bgr
	var turned, colours, resized, work []float32
	if need := l.buffer(recolour); need > 0 {
		b := borrow[float32](&l.scratch, need)
		defer l.scratch.Put(b)
		buf := *b
		if l.turn {
			turned, buf = buf[:l.size], buf[l.size:]
		}
		if recolour {
			colours, buf = buf[:out], buf[out:]
		}
		if l.resize != nil {
			resized, work = buf[:l.in], buf[l.in:]
		}
	}
	for i := range n {
		x, y := src[i*l.size:(i+1)*l.size], dst[i*out:(i+1)*out]
		if l.turn {
			l.transpose(turned, x)
			x = turned
		}
		if l.resize != nil {
			l.resize.apply(resized, x, work, l.from)
			x = resized
		}
		if recolour {
			l.colours(colours, x)
			x = colours
		}
		l.row(y, x)
	}
}

// buffer is the memory that a row needs on its way.
func (l *Pipeline) buffer(recolour bool) int {
	n := 0
	if l.turn {
		n += l.size
	}
	if recolour {
		n += l.OutSize()
	}
	if l.resize != nil {
		n += l.in + l.resize.scratch(l.from)
	}
	return n
}

// transpose writes src, (wide, tall, from), to dst, (tall, wide, from).
func (l *Pipeline) transpose(dst, src []float32) {
	for y := range l.tall {
		for x := range l.wide {
			copy(dst[(y*l.wide+x)*l.from:(y*l.wide+x+1)*l.from], src[(x*l.tall+y)*l.from:])
		}
	}
}

// colours writes src, (H·W, from), to dst, (H·W, C): grey repeated, RGB to its
// luminance (ITU-R BT.601), red and blue exchanged.
func (l *Pipeline) colours(dst, src []float32) {
	switch {
	case l.from == 1:
		for i, v := range src {
			for k := range l.c {
				dst[i*l.c+k] = v
			}
		}
	case l.c == 1:
		for i := range dst {
			dst[i] = Luminance(src[3*i : 3*i+3])
		}
	default:
		for i := 0; i < len(dst); i += 3 {
			dst[i], dst[i+1], dst[i+2] = src[i+2], src[i+1], src[i]
		}
	}
}

// Luminance is that of red, green and blue by ITU-R BT.601.
func Luminance(rgb []float32) float32 {
	return float32(float32(0.299*rgb[0])+float32(0.587*rgb[1])) + float32(0.114*rgb[2])
}

// row is dst = (src·scale − mean)/std, with src (H·W, C) and dst the same or
// (C, H·W).
func (l *Pipeline) row(dst, src []float32) {
	hw, step, next := l.h*l.w, l.c, 1 // dst index of (pixel, channel) = pixel·step + channel·next
	if l.planar {
		step, next = 1, hw
	}
	if l.mean == nil && l.std == nil && (!l.planar || l.c == 1) {
		if l.scale == 1 {
			copy(dst, src)
			return
		}
		for i, v := range src {
			dst[i] = v * l.scale
		}
		return
	}
	if hw == 1 {
		l.features(dst, src)
		return
	}
	for k := range l.c {
		mean, std := float32(0), float32(1)
		if l.mean != nil {
			mean = l.mean[k]
		}
		if l.std != nil {
			std = l.std[k]
		}
		for i := range hw {
			dst[i*step+k*next] = (float32(src[i*l.c+k]*l.scale) - mean) / std
		}
	}
}

// features is row for a table: one mean and deviation a value.
func (l *Pipeline) features(dst, src []float32) {
	for k, v := range src {
		v *= l.scale
		if l.mean != nil {
			v = float32(v) - l.mean[k]
		}
		if l.std != nil {
			v /= l.std[k]
		}
		dst[k] = v
	}
}

// String says what p does, in one line for people.
func (p Preprocess) String() string {
	var steps []string
	if p.Transpose {
		steps = append(steps, "transpose")
	}
	if len(p.Resize) == 2 {
		steps = append(steps, fmt.Sprintf("resize to %d×%d", p.Resize[0], p.Resize[1]))
	}
	switch p.Channels {
	case 1:
		steps = append(steps, "luminance")
	case 3:
		steps = append(steps, "3 channels")
	}
	if p.BGR {
		steps = append(steps, "BGR")
	}
	x := "x"
	if p.Scale != 0 && p.Scale != 1 {
		x = fmt.Sprintf("x·%v", p.Scale)
	}
	if len(p.Mean) > 0 {
		x += " − " + vector(p.Mean)
	}
	if len(p.Std) > 0 {
		if len(p.Mean) > 0 {
			x = "(" + x + ")"
		}
		x += " / " + vector(p.Std)
	}
	if x != "x" {
		steps = append(steps, x)
	}
	return strings.Join(append(steps, string(p.Layout)), ", ")
}

// vector shows values, cut when they are many.
func vector(v []float32) string {
	if len(v) == 1 {
		return fmt.Sprint(v[0])
	}
	if len(v) > 4 {
		return fmt.Sprintf("[%v %v %v … %d values]", v[0], v[1], v[2], len(v))
	}
	return fmt.Sprint(v)
}
