package distill

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/kernel"
)

// Session is rows and what the teacher said of them, opened once for many
// trainings: the seeds of one result, the cells of a sweep. Its methods may be
// called from several goroutines at once.
type Session struct{ opened *run }

// Trial is one training in a session.
type Trial struct {
	Recipe   Recipe   // that of the session, but for Student, Loss and Train
	Role     string   // RoleStudent, or RoleBaseline: the same net on hard labels with the same budget
	Dir      string   // folder of its checkpoints, its own; made if need be
	Until    int      // pause after this many of Recipe.Train.Epochs: the same trial goes on there later; 0: the end
	Progress Progress // may be nil
	Log      func(line string)
	Part     *Part // nil: all rows and all classes
}

// Trained is what a trial came to: the net with the weights of its best epoch.
type Trained struct {
	Net     *student.Student
	Params  int64
	FLOPs   int64  // of one row, a multiply-add as two
	Formula string // of the loss, and of the hint
	History []EpochRecord
	BestAt  int  // epoch that was kept, counted from 1; 0: the weights of the file it began as
	Done    bool // false where it paused
	Epoch   int  // rows of an epoch
	Samples int  // rows of this call's steps
	Seconds float64
	Notes   []string

	ran *run
}

// Open opens the rows and asks the teacher as r says. The recipe is checked
// whole; of its output nothing is used.
func Open(ctx context.Context, r Recipe, env Env) (*Session, error) {
	return openJudged(ctx, r, nil, env)
}

// openJudged is Open; where h is given, held-out rows judge.
func openJudged(ctx context.Context, r Recipe, h *HeldOut, env Env) (*Session, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	r.Fill()
	d := &run{recipe: r, env: env, began: time.Now(), result: &Result{}, session: true, held: h}
	for _, step := range []func(context.Context) error{d.openData, d.openStudent, d.placeHint, d.askTeacher, d.askHint} {
		if err := step(ctx); err != nil {
			d.teacher.done()
			return nil, Interrupted(ctx, err)
		}
	}
	return &Session{d}, nil
}

// Close ends the teacher where it is asked while students train. No training may
// be under way.
func (s *Session) Close() { s.opened.teacher.done() }

// Recipe is that of the session, its empty fields filled in.
func (s *Session) Recipe() Recipe { return s.opened.recipe }

// Data are the rows of the session.
func (s *Session) Data() *Data { return s.opened.data }

// Notes are what was concluded of rows and teacher.
func (s *Session) Notes() []string {
	s.opened.noted.Lock()
	defer s.opened.noted.Unlock()
	return slices.Clone(s.opened.result.Notes)
}

// Train follows t, from its newest checkpoint if there is one. A cancelled ctx
// saves one and returns a fault of kind Interrupted. Trainings at the same time
// divide the cores.
func (s *Session) Train(ctx context.Context, t Trial) (*Trained, error) {
	d, err := s.run(ctx, t)
	if err != nil {
		return nil, err
	}
	train := d.train
	if t.Role == RoleBaseline {
		if train, err = d.labelledAlone(ctx); err != nil {
			return nil, err
		}
	}
	defer kernel.Share()()
	net, out, err := d.follow(ctx, t.Role, train)
	if err != nil {
		return nil, Interrupted(ctx, err)
	}
	d.spec.net = net
	d.keep(out.Notes)
	return &Trained{Net: net, Params: d.spec.params, FLOPs: d.spec.flops, Formula: out.Formula, History: out.History, BestAt: out.BestAt,
		Done: out.Done, Epoch: d.epochRows(), Samples: out.Samples, Seconds: out.Seconds, Notes: d.result.Notes, ran: d}, nil
}

// Teacher is the teacher on the test rows; nil where there is none, or nobody
// asked it about them.
func (s *Session) Teacher(ctx context.Context) (*report.Block, error) {
	d := s.opened
	if d.teacher.test == nil {
		return nil, nil
	}
	test, err := openRows(ctx, d.data.Test, nil, d.teacher.test, d.task, d.teacher.classes)
	if err != nil {
		return nil, err
	}
	return d.teacher.block(ctx, test)
}

// run is a run of its own on the rows and targets of the session.
func (s *Session) run(ctx context.Context, t Trial) (*run, error) {
	if err := t.Recipe.Validate(); err != nil {
		return nil, err
	}
	t.Recipe.Fill()
	if b, err := t.Recipe.Student.Budget(); err != nil || !b.IsZero() {
		return nil, fault.New(fault.Usage, "", "--student", "%s has a budget, which Session.Choose makes a net of", t.Recipe.Student.Arch)
	}
	env := s.opened.env
	env.Progress, env.Log = t.Progress, t.Log
	d := &run{recipe: t.Recipe, env: env, began: time.Now(), work: t.Dir, data: s.opened.data, task: s.opened.task, teacher: s.opened.teacher,
		result: &Result{}, until: t.Until, seed: t.Recipe.Train.Seed}
	if err := os.MkdirAll(t.Dir, 0o755); err != nil {
		return nil, fault.New(fault.IO, t.Dir, "", "cannot create: %w", err)
	}
	if t.Part != nil {
		if err := t.Part.take(d, t.Role); err != nil {
			return nil, err
		}
	}
	if err := d.vary(ctx); err != nil {
		return nil, err
	}
	if t.Part != nil {
		if err := t.Part.checkVaries(d.variation); err != nil {
			return nil, err
		}
	}
	if err := d.settleLoss(d.teacher.classes); err != nil {
		return nil, err
	}
	if err := d.askAsOpened(ctx, s.opened); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{d.openStudent, d.designStudent} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Val is the trained net on the validation rows; ok is false where the session
// has none.
func (t *Trained) Val(ctx context.Context) (r metrics.Result, ok bool, err error) {
	if t.ran.val == nil {
		return metrics.Result{}, false, nil
	}
	r, err = evaluate(ctx, t.Net, t.ran.val)
	return r, true, err
}

// Test is the trained net on the test rows.
func (t *Trained) Test(ctx context.Context) (*report.Block, error) {
	return t.ran.block(ctx, t.ran.recipe.Student.name(), t.Net)
}

// Best is the record of the epoch that was kept; zero where none was recorded.
func (t *Trained) Best() EpochRecord {
	for _, e := range t.History {
		if e.Epoch == t.BestAt {
			return e
		}
	}
	if n := len(t.History); n > 0 && t.BestAt < 0 {
		return t.History[n-1]
	}
	return EpochRecord{}
}
