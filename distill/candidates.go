package distill

import (
	"context"
	"slices"
	"time"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
)

// Candidate is one net within a budget.
type Candidate = report.Candidate

// fitter finds, of each shape of a family, the widest net within a budget.
type fitter struct {
	budget  Budget
	in      models.Input
	classes int
	found   func(Candidate)                                                            // told each as it is found; may be nil
	file    func(arch string) ([]byte, error)                                          // the .onnx file of a fresh net, as it would be exported
	time    func(ctx context.Context, arch string, file []byte) (time.Duration, error) // median of one row
}

// Candidates are the widest nets of each shape of the family that text names
// which stay within b, for rows like in: what a student's search begins with.
// Found, which may be nil, is told each as it is found, for timing takes a while.
// Library is that of ONNX Runtime, for a bound on the latency. Nothing that
// fits is a fault of kind Usage that names the least that there is.
func Candidates(ctx context.Context, text string, b Budget, in models.Input, classes int, library string, found func(Candidate)) ([]Candidate, error) {
	f := fitter{budget: b, in: in, classes: classes, found: found, time: rowTimer(library, timedFor), file: func(arch string) ([]byte, error) {
		m, err := models.Build(arch, in, classes, 0)
		if err != nil {
			return nil, err
		}
		return fileOf(m, nil)
	}}
	return f.candidates(ctx, text)
}

// fileOf is the .onnx file of a fresh net.
func fileOf(m *onnx.Model, metadata []onnx.Entry) ([]byte, error) {
	net, err := student.FromModel(m, "student")
	if err != nil {
		return nil, err
	}
	return export.Bytes(net, metadata)
}

// timedFor is how long one measurement of the latency of a candidate takes, about.
const timedFor = 60 * time.Millisecond

// rowTimer measures in this process, on one thread: a small net gains little
// from more, and waking them adds noise. The values of a row do not matter to
// the time of the ops that nets are made of.
func rowTimer(library string, each time.Duration) func(ctx context.Context, arch string, file []byte) (time.Duration, error) {
	return func(ctx context.Context, arch string, file []byte) (time.Duration, error) {
		session, err := ort.OpenBytes(arch, file, ort.Options{Library: library, Threads: 1})
		if err != nil {
			return 0, err
		}
		defer session.Close()
		row, err := ort.OneRow(arch, session.Inputs())
		if err != nil {
			return 0, err
		}
		l, err := session.Time(ctx, row, each)
		return l.Median, err
	}
}

// candidates are those of every shape that text stands for.
func (f *fitter) candidates(ctx context.Context, text string) ([]Candidate, error) {
	shapes, err := models.Shapes(text)
	if err != nil {
		return nil, err
	}
	var fitting, over []Candidate
	var unbuilt error
	for _, s := range shapes {
		c, ok, err := f.widest(ctx, s)
		switch {
		case c.Arch == "" && fault.KindOf(err) == fault.Usage: // not for such rows
			unbuilt = err
		case err != nil:
			return nil, err
		case !ok:
			over = append(over, c)
		case !slices.ContainsFunc(fitting, func(other Candidate) bool { return other.Arch == c.Arch }):
			fitting = append(fitting, c)
			if f.found != nil {
				f.found(c)
			}
		}
	}
	if len(fitting) > 0 {
		return fitting, nil
	}
	if len(over) == 0 {
		return nil, unbuilt
	}
	least := slices.MinFunc(over, func(a, b Candidate) int {
		_, _, x := f.budget.overrun(a)
		_, _, y := f.budget.overrun(b)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	flag, has, _ := f.budget.overrun(least)
	return nil, fault.New(fault.Usage, "", flag, "no student of %q fits: the least, %s, has %s", text, least.Arch, has)
}

// widest is the widest net of a shape within the budget, or the narrowest
// where that is over it already. It has no name where the shape cannot be built.
func (f *fitter) widest(ctx context.Context, s models.Shape) (c Candidate, ok bool, err error) {
	if c, err = f.counted(s.Spec(s.Min)); err != nil {
		return Candidate{}, false, err
	}
	if _, _, over := f.budget.overrun(c); over > 1 {
		return c, false, nil
	}
	if err := f.whole(&c); err != nil {
		return c, false, err
	}
	width, ok, err := f.widestCounted(s, c.Bytes)
	if !ok || err != nil {
		return c, false, err
	}
	if f.budget.Latency > 0 {
		if width, c.Latency, ok, err = f.widestTimed(ctx, s, width); !ok || err != nil {
			return c, false, err
		}
	}
	latency := c.Latency
	if c, err = f.counted(s.Spec(width)); err != nil {
		return c, false, err
	}
	c.Latency = latency
	return c, true, f.whole(&c)
}

// counted is what can be counted without a weight drawn.
func (f *fitter) counted(arch string) (Candidate, error) {
	cost, err := models.Measure(arch, f.in, f.classes)
	return Candidate{Arch: arch, Params: cost.Params, FLOPs: cost.FLOPs}, err
}

// whole adds the size of the file.
func (f *fitter) whole(c *Candidate) error {
	data, err := f.file(c.Arch)
	c.Bytes = int64(len(data))
	return err
}

// widestCounted is the largest width within the bounds on what can be counted.
// The size of the file is that of the narrowest net, smallest bytes, and 4
// bytes for each further value, give or take a few for longer lengths and
// names; the last width is settled by the file itself.
func (f *fitter) widestCounted(s models.Shape, smallest int64) (width int, ok bool, err error) {
	first, err := models.Measure(s.Spec(s.Min), f.in, f.classes)
	if err != nil {
		return 0, false, err
	}
	within := func(width int, slack int64) bool {
		cost, err := models.Measure(s.Spec(width), f.in, f.classes)
		if err != nil {
			return false // what is too large to build is too large
		}
		bytes := smallest + 4*(cost.Values-first.Values) - slack
		_, _, over := f.budget.overrun(Candidate{Params: cost.Params, FLOPs: cost.FLOPs, Bytes: bytes})
		return over <= 1
	}
	const slack = 4096 // more than lengths and names can make
	width, ok, err = s.Largest(func(width int) (bool, error) { return within(width, slack), nil })
	for ; ok && err == nil && f.budget.Bytes > 0; width-- {
		c := Candidate{Arch: s.Spec(width)}
		if err = f.whole(&c); err != nil || c.Bytes <= f.budget.Bytes {
			break
		}
		ok = width > s.Min
	}
	return width, ok, err
}

// Nets are timed again when they are over the bound or that near to it, and
// widths told apart when they differ by a 32nd: time is not known better.
const (
	nearBound = 0.1
	widthStep = 32
)

// blockWidth divides the numbers of channels and units that ONNX Runtime has
// the fastest kernels for.
const blockWidth = 16

// widestTimed is about the largest width up to most whose latency is within
// the bound, and its latency; ok is false where the narrowest is over it.
func (f *fitter) widestTimed(ctx context.Context, s models.Shape, most int) (width int, took time.Duration, ok bool, err error) {
	if width, took, ok, err = f.widestOf(ctx, s, widths(s.Min, most, 1)); !ok || err != nil {
		return width, took, ok, err
	}
	// A net of 17 channels may take twice as long as one of 32.
	wider, tookIt, found, err := f.widestOf(ctx, s, widths((width/blockWidth+1)*blockWidth, most, blockWidth))
	if found {
		width, took = wider, tookIt
	}
	return width, took, true, err
}

// widestOf is about the last of steps whose latency is within the bound; where
// none is, ok is false and took that of the first. Time grows with the width
// only by and large, and other programs disturb it: what the bisection ends at
// must hold once more.
func (f *fitter) widestOf(ctx context.Context, s models.Shape, steps []int) (width int, took time.Duration, ok bool, err error) {
	if len(steps) == 0 {
		return 0, 0, false, nil
	}
	within := func(i int) bool {
		if err == nil {
			took, err = f.latency(ctx, s.Spec(steps[i]), 1)
		}
		return err == nil && took <= f.budget.Latency
	}
	at, end, over := 0, len(steps), false
	for ok = within(0); ok && end-at > 1 && err == nil; {
		next := at + (end-at)/2
		if !over { // nets of any size are never built
			double, _ := slices.BinarySearch(steps, 2*steps[at])
			next = min(double, end-1)
		}
		if within(next) {
			at = next
		} else {
			end, over = next, true
		}
	}
	for ; err == nil; at-- {
		if took, err = f.latency(ctx, s.Spec(steps[at]), 3); took <= f.budget.Latency || at == 0 {
			break
		}
	}
	return steps[at], took, took <= f.budget.Latency, err
}

// latency is the median of least measurements, or of three where one of them
// is near the bound or over it.
func (f *fitter) latency(ctx context.Context, arch string, least int) (time.Duration, error) {
	file, err := f.file(arch)
	if err != nil {
		return 0, err
	}
	var times []time.Duration
	for len(times) < least {
		t, err := f.time(ctx, arch, file)
		if err != nil {
			return 0, err
		}
		times = append(times, t)
		if float64(t) > (1-nearBound)*float64(f.budget.Latency) {
			least = 3
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// widths are those from lo to hi that are told apart, multiples of step where
// lo is.
func widths(lo, hi, step int) (list []int) {
	for w := lo; w <= hi; w += max(1, w/widthStep/step) * step {
		list = append(list, w)
	}
	if step == 1 && len(list) > 0 && list[len(list)-1] < hi {
		list = append(list, hi)
	}
	return list
}
