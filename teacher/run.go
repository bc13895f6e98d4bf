package teacher

import (
	"context"
	"errors"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// open starts a runner for the given outputs (nil: all) and fixed batch, in
// place of the present one.
func (t *Teacher) open(ctx context.Context, outputs []string, batch int) error {
	o := ort.Options{
		Library: t.library.Path, Provider: t.o.Provider, Config: t.o.Config, Threads: t.o.Threads,
		Outputs: outputs, Batch: batch,
	}
	if t.graph.inside {
		o.Expose = []string{t.o.Output}
	}
	return t.reopen(ctx, o)
}

// reopen starts a runner in place of the present one.
func (t *Teacher) reopen(ctx context.Context, o ort.Options) error {
	t.opened = o
	if w, ok := t.runner.(interface {
		Reopen(ctx context.Context, o ort.Options) error
	}); ok {
		if err := w.Reopen(ctx, o); err != nil {
			t.stop()
			return err
		}
		return t.same()
	}
	t.stop()
	r, err := t.start(ctx, o)
	if err != nil {
		return err
	}
	t.runner = r
	return t.same()
}

// same requires that native code opened the files that were checked.
func (t *Teacher) same() error {
	for _, s := range t.stamps {
		if err := s.Same(); err != nil {
			return err
		}
	}
	return nil
}

// restart starts the worker again, on the files that were checked.
func (t *Teacher) restart(ctx context.Context, r restarter) error {
	t.stats.Restarts++
	if err := r.Restart(ctx); err != nil {
		return err
	}
	return t.same()
}

// stop ends the worker process, for another to come or for good.
func (t *Teacher) stop() error {
	if t.runner == nil {
		return nil
	}
	err := t.runner.Close()
	t.Memory()
	t.runner = nil
	return err
}

// restarter is a runner in a process of its own.
type restarter interface {
	Restart(ctx context.Context) error
}

// goesAhead is a runner that takes the inputs of the next run during a run.
type goesAhead interface {
	RunAhead(ctx context.Context, in, next []ort.Value) ([]ort.Value, error)
}

// call runs the model once. The call after it should be for next, unless that
// is nil.
func (t *Teacher) call(ctx context.Context, in, next []ort.Value) ([]ort.Value, error) {
	if r, ok := t.runner.(goesAhead); ok && next != nil {
		return r.RunAhead(ctx, in, next)
	}
	return t.runner.Run(ctx, in)
}

// run calls the model on in alone.
func (t *Teacher) run(ctx context.Context, in []ort.Value) ([]ort.Value, error) {
	return t.runThen(ctx, in, nil)
}

// runThen calls the model, and says what comes next, nil for nothing. When the
// worker dies or times out it is started again and asked once more; what ends
// it twice is given up. While the contract is not known a timeout is final:
// there is another batch size to try.
func (t *Teacher) runThen(ctx context.Context, in, next []ort.Value) ([]ort.Value, error) {
	if t.runner == nil {
		return nil, fault.New(fault.Usage, t.path, "", "the teacher is closed")
	}
	start := time.Now()
	out, err := t.call(ctx, in, next)
	r, can := t.runner.(restarter)
	if err == nil || !can || ctx.Err() != nil || !isTeacher(err) {
		return out, err
	}
	if hung := t.o.Timeout > 0 && time.Since(start) >= t.o.Timeout; hung && t.contract == nil {
		return nil, err
	}
	if again := t.restart(ctx, r); again != nil {
		return nil, again
	}
	out, again := t.call(ctx, in, next)
	if again == nil {
		t.restarts = append(t.restarts, err)
		return out, nil
	}
	if isTeacher(again) {
		// Leave a live worker behind for whoever goes on without this batch.
		if dead := t.revive(ctx, again); dead != again {
			return nil, dead
		}
		return nil, endedTwice{fault.New(fault.Teacher, t.path, "", "ended twice on the same batch, after a restart too: %w", again)}
	}
	return nil, again
}

func isTeacher(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Kind == fault.Teacher
}

// provider says what a runner tells of itself beyond the Runner interface: the
// execution provider that it got, and notes on it.
func (t *Teacher) provider() (name string, notes []string) {
	name = t.o.Provider
	if name == "" {
		name = "cpu"
	}
	if p, ok := t.runner.(interface{ Provider() string }); ok && p.Provider() != "" {
		name = p.Provider()
	}
	if n, ok := t.runner.(interface{ Notes() []string }); ok {
		notes = n.Notes()
	}
	return name, notes
}
