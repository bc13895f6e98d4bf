package distill

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Together calls do with 0 to n−1, in that order and as many at once as parallel
// says. The first that fails ends the others by their ctx. What comes back is
// the number and the fault of the first that failed by itself, or else n and
// what ended them: nil when all are done.
func Together(ctx context.Context, n, parallel int, do func(ctx context.Context, i int) error) (int, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	faults := make([]error, n)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, parallel) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if faults[i] = do(ctx, i); faults[i] != nil {
					stop()
				}
			}
		})
	}
	all.Wait()
	ended := ctx.Err()
	for i, err := range faults {
		if err == nil {
			continue
		}
		if fault.KindOf(err) != fault.Interrupted && !errors.Is(err, context.Canceled) {
			return i, err
		}
		ended = err
	}
	return n, ended
}

// busy adds up the time in which at least one training makes steps.
type busy struct {
	mu    sync.Mutex
	now   int // trainings that make some
	since time.Time
	took  time.Duration
}

// start counts one more training.
func (b *busy) start() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now++; b.now == 1 {
		b.since = time.Now()
	}
}

// stop counts one less.
func (b *busy) stop() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now--; b.now == 0 {
		b.took += time.Since(b.since)
	}
}

// Joint is the progress of several trainings as one; a nil one reports nothing.
type Joint struct {
	report Progress
	stage  string
	total  int64

	mu   sync.Mutex
	at   map[any]int64
	done int64
}

// NewJoint reports, where report is not nil, a stage of so many steps.
func NewJoint(report Progress, stage string, total int64) *Joint {
	return &Joint{report: report, stage: stage, total: total, at: map[any]int64{}}
}

// Of is the progress of one training, whatever names it.
func (j *Joint) Of(training any) Progress {
	return func(_ string, done, _ int64, _ *EpochRecord) { j.Set(training, done) }
}

// Beside is report, of trainings by their own stages, that tells j too.
func (j *Joint) Beside(report Progress) Progress {
	if j == nil {
		return report
	}
	return func(stage string, done, total int64, last *EpochRecord) {
		report.report(stage, done, total, last)
		j.Set(stage, done)
	}
}

// Set says how many steps one training has made; it never goes back.
func (j *Joint) Set(training any, steps int64) {
	if j == nil || j.report == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done += max(0, steps-j.at[training])
	j.at[training] = max(steps, j.at[training])
	j.report(j.stage, min(j.done, j.total-1), j.total, nil)
}

// End says that all are done.
func (j *Joint) End() {
	if j != nil && j.report != nil {
		j.report(j.stage, j.total, j.total, nil)
	}
}
