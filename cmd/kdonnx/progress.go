package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// progress shows how far each stage is: a bar with rate and remaining time on
// a terminal, a line every few seconds elsewhere. Of several seeds all are one
// bar, with those that are being trained below it, or one line.
type progress struct {
	w    io.Writer
	bars *mpb.Progress // nil off a terminal

	worker atomic.Int64 // resident memory of the teacher process in bytes

	mu     sync.Mutex
	stages map[string]*stage
	done   bool
}

// stage is one bar, or the memory of what was last printed of it.
type stage struct {
	bar     *mpb.Bar
	began   time.Time
	from    int64 // where it stood when first heard of
	printed time.Time
	epoch   atomic.Pointer[distill.EpochRecord]
}

const lineEvery = 10 * time.Second

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, stages: map[string]*stage{}}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(48), mpb.WithRefreshRate(150*time.Millisecond))
	}
	return p
}

// log prints one line above the bars.
func (p *progress) log(line string) {
	line = fault.Printable(line)
	if p.bars != nil {
		if _, err := fmt.Fprintln(p.bars, line); err == nil {
			return
		} // the bars have ended
	}
	fmt.Fprintln(p.w, line)
}

// memory is told the resident memory of the teacher process.
func (p *progress) memory(bytes int64) { p.worker.Store(bytes) }

// note is what else there is to say of a stage: the memory of the teacher, the
// newest epoch of a student.
func (p *progress) note(name string, e *distill.EpochRecord) string {
	if n := p.worker.Load(); name == distill.RoleTeacher && n > 0 {
		return fmt.Sprintf("  %d MiB", n>>20) + epochText(e)
	}
	return epochText(e)
}

// report is a distill.Progress.
func (p *progress) report(name string, done, total int64, last *distill.EpochRecord) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	s := p.stages[name]
	if s == nil {
		s = &stage{began: now, printed: now, from: done}
		p.stages[name] = s
		if p.bars != nil && !p.done {
			s.bar = p.newBar(name, total, s)
			s.bar.SetCurrent(done)
			s.bar.SetRefill(done)
		}
	}
	s.epoch.Store(last)
	switch {
	case s.bar != nil:
		s.bar.SetCurrent(done)
	case p.bars == nil && now.Sub(s.printed) >= lineEvery && !ofSeed(name):
		s.printed = now
		rate := float64(done-s.from) / now.Sub(s.began).Seconds()
		left := time.Duration(float64(total-done) / max(rate, 1e-9) * float64(time.Second))
		fmt.Fprintf(p.w, "%s %d/%d, %.0f/s, %s left%s\n", name, done, total, rate, left.Round(time.Second), p.note(name, last))
	}
	if done >= total {
		delete(p.stages, name)
	}
}

// ofSeed tells whether a stage is the training of one of several seeds, which
// distill.AllSeeds tells of too.
func ofSeed(name string) bool { return strings.Contains(name, ", seed ") }

func (p *progress) newBar(name string, total int64, s *stage) *mpb.Bar {
	return p.bars.AddBar(total, mpb.BarOptional(mpb.BarRemoveOnComplete(), ofSeed(name)),
		mpb.PrependDecorators(decor.Name(name, decor.WC{W: 9, C: decor.DSyncWidthR}), decor.CountersNoUnit("%d/%d", decor.WCSyncSpace)),
		mpb.AppendDecorators(
			decor.AverageSpeed(0, "%.0f/s", decor.WC{W: 9}),
			decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 8}), " done"),
			decor.Any(func(decor.Statistics) string { return p.note(name, s.epoch.Load()) })))
}

// stop waits for the last refresh of the bars; it may be called twice.
func (p *progress) stop() {
	p.mu.Lock()
	stopped := p.done
	p.done = true
	if p.bars != nil && !stopped {
		for _, s := range p.stages {
			if s.bar != nil {
				s.bar.Abort(false)
			}
		}
	}
	p.mu.Unlock()
	if p.bars != nil && !stopped {
		p.bars.Wait()
	}
}

// epochText is an epoch in one line: the loss, the validation where there are
// rows for it, then the terms of the loss, each with the norm of its gradient where there are two, and what
// T, α and β have come to where they change.
func epochText(e *distill.EpochRecord) string {
	if e == nil {
		return ""
	}
	text := fmt.Sprintf("  epoch %d: loss %.4g", e.Epoch, e.Loss)
	switch {
	case !e.Validated:
	case e.Metric != "":
		text += fmt.Sprintf(", validation %s %.4f", e.Metric, e.ValAccuracy)
	default:
		text += fmt.Sprintf(", validation %.2f %%", 100*e.ValAccuracy)
	}
	if e.SoftGrad != 0 {
		text += fmt.Sprintf(", soft %.3g (gradient %.3g), hard %.3g (gradient %.3g)", e.Soft, e.SoftGrad, e.Hard, e.HardGrad)
	}
	if e.Hint > 0 {
		text += fmt.Sprintf(", hint %.3g", e.Hint)
	}
	if w := e.Weights; w != nil {
		text += fmt.Sprintf(", T %.3g, α %.3g, β %.3g", w.Temperature, w.Alpha, w.Beta)
	}
	return text
}
