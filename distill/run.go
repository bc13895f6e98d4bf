// Package distill is the main path: a Recipe goes in, a verified student.onnx
// and a report come out.
//
//	rows → teacher → target store → native trainer → student.onnx → parity → report
//
// Run is that line; each of its steps is one file of this package.
package distill

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/distill/report/stream"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Env is what a run needs of its surroundings. Progress and Log are called by one
// goroutine at a time.
type Env struct {
	Progress      Progress
	TeacherMemory func(bytes int64) // told the resident memory of the teacher process before each Progress; may be nil
	Log           func(line string) // what was concluded, one line each; nil is silent
	Version       string            // of kdonnx, for provenance
	Cache         string            // folder of the target stores

	Checkpoint time.Duration // longest time of training between checkpoints; 0: 20 s
	Latency    time.Duration // of one measurement of a latency, about; 0: what is exact enough
}

func (e Env) timeFor() time.Duration { return cmp.Or(e.Latency, export.LatencyTime) }

func (e Env) checkpointEvery() time.Duration { return cmp.Or(e.Checkpoint, 20*time.Second) }

func (e Env) log(line string) {
	if e.Log != nil {
		e.Log(line)
	}
}

// run is the state of one Run between its steps.
type run struct {
	recipe  Recipe
	env     Env
	began   time.Time
	work    string // checkpoints and lock
	data    *Data
	task    dataset.Task
	teacher *taught
	spec    studentSpec
	train   *rows
	val     *rows
	test    *rows
	result  *Result
	done    bool // the work folder is removed
	until   int  // see Trial.Until
	session bool // others train on the same rows and teacher
	noted   sync.Mutex
	held    *HeldOut
	part    *Part // see Trial.Part

	seed  uint64 // of the student that is exported
	stage string // what stages are told beside their role, such as the seed
	whole *Joint // progress of the trainings of all seeds; nil of one
	busy  *busy  // the time that trainings take; nil: nobody asks

	shares    []float64  // of the classes in the transfer set; nil where the task has none
	variation *variation // of the training rows; nil: none

	streams *stream.Sinks // told of every epoch; shared by the seeds
}

// Run distils as r says. What it writes appears under final names only when
// it is complete; a cancelled ctx leaves a checkpoint from which the same
// call goes on.
func Run(ctx context.Context, r Recipe, env Env) (result *Result, err error) {
	d := &run{recipe: r, env: env, began: time.Now(), result: &Result{}}
	unlock, err := d.prepare()
	if err != nil {
		return nil, err
	}
	defer unlock()
	defer func() { d.teacher.done() }()
	defer func() {
		if e := d.streams.Close(); err == nil && e != nil {
			result, err = nil, e
		}
	}()
	for _, step := range []func(context.Context) error{
		d.openData, d.checkSteps, d.openStudent, d.placeHint, d.askTeacher, d.askHint, d.balance, d.chooseStudent, d.designStudent, d.describe, d.trainSeeds, d.export, d.report,
	} {
		if err := step(ctx); err != nil {
			return nil, Interrupted(ctx, err)
		}
	}
	d.done = true
	return d.result, os.RemoveAll(d.work)
}

// Interrupted gives the error of a cancelled run its exit code, whatever step
// it was in. A fault of disk or digest that is not the cancellation's stays:
// it may say that the checkpoint could not be saved.
func Interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || fault.KindOf(err) == fault.Interrupted && !errors.Is(err, context.Canceled) {
		return err
	}
	var known *fault.Error
	if errors.As(err, &known) && (known.Kind == fault.IO || known.Kind == fault.Integrity) && !errors.Is(err, context.Canceled) {
		return err
	}
	return fault.New(fault.Interrupted, "", "", "interrupted; the same command goes on where this one stopped")
}

// prepare checks everything that can be checked before work is spent, and
// takes the lock of the output.
func (d *run) prepare() (unlock func(), err error) {
	if err := d.recipe.Validate(); err != nil {
		return nil, err
	}
	d.recipe.Fill()
	o := d.recipe.Output
	if !o.Unverified || d.recipe.Student.BudgetLatency > 0 {
		if err := export.Ready(d.recipe.Teacher.Library); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(o.Model), 0o755); err != nil {
		return nil, fault.New(fault.IO, o.Model, "", "cannot create its folder: %w", err)
	}
	if err := d.recipe.checkOutputs(); err != nil {
		return nil, err
	}
	d.work = strings.TrimSuffix(o.Model, ".onnx") + ".work"
	if err := os.MkdirAll(d.work, 0o755); err != nil {
		return nil, fault.New(fault.IO, d.work, "", "cannot create: %w", err)
	}
	lock, err := durable.TryLock(filepath.Join(d.work, "lock"))
	if err != nil {
		return nil, err
	}
	unlock = func() {
		if !d.done { // else the folder may be another run's by now
			d.leave()
		}
		lock.Unlock()
	}
	if err := durable.Clean(d.work, nil); err != nil {
		unlock()
		return nil, err
	}
	if o.Restart {
		if err := d.forget(); err != nil {
			unlock()
			return nil, err
		}
		forgetChoice(d.work)
	}
	if err := d.recipe.cleanOutputs(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// forget removes the checkpoints of every seed.
func (d *run) forget() error {
	checkpointFile{d.work, RoleStudent}.remove()
	checkpointFile{d.work, RoleBaseline}.remove()
	if err := os.RemoveAll(d.seedDir()); err != nil {
		return fault.New(fault.IO, d.seedDir(), "", "cannot be removed: %w", err)
	}
	return nil
}

// seedDir has a folder for each seed but the first.
func (d *run) seedDir() string { return filepath.Join(d.work, "seeds") }

// leave removes the work folder when there is nothing in it to go on from.
func (d *run) leave() {
	if entries, err := os.ReadDir(d.work); err == nil && len(entries) == 1 && entries[0].Name() == "lock" {
		os.RemoveAll(d.work)
	}
}

func (d *run) openData(ctx context.Context) (err error) {
	d.data, err = openData(ctx, &d.recipe, d.held)
	if err != nil {
		return err
	}
	for _, n := range d.data.Notes {
		d.env.log("data: " + n)
	}
	d.result.Notes = append(d.result.Notes, d.data.Notes...)
	if d.data.Transfer.Spec().Labelled() && d.recipe.Loss.Name != "auto" {
		if err := loss.Suits(d.recipe.Loss.Name, d.expects(), 0); err != nil {
			return err
		}
	}
	return d.vary(ctx)
}

// block scores net on the test rows.
func (d *run) block(ctx context.Context, name string, net Predictor) (*report.Block, error) {
	r, err := evaluate(ctx, net, d.test)
	return &report.Block{Result: r, Name: name, Params: d.spec.params, FLOPs: d.spec.flops}, err
}

// export writes student.onnx once ONNX Runtime reproduces the student on the
// first test rows.
func (d *run) export(ctx context.Context) error {
	x, n, err := firstRows(ctx, d.test, parityRows)
	if err != nil {
		return err
	}
	path := d.recipe.Output.Model
	if d.recipe.Output.Unverified {
		d.result.Warnings = append(d.result.Warnings, "the student is not verified: run kdonnx verify -o where ONNX Runtime is")
		if err := export.WriteUnverified(d.spec.net, path, d.provenance()); err != nil {
			return err
		}
		return d.checkBudget(ctx, path)
	}
	p, err := export.Write(ctx, d.spec.net, path, x, n, export.Options{Library: d.recipe.Teacher.Library, Metadata: d.provenance(), Task: d.task})
	d.result.Parity = &report.Parity{Runtime: "ONNX Runtime " + p.Library, Passed: p.Within, Rows: p.Rows, ArgmaxFlips: p.Flips,
		MaxAbs: report.Number(p.MaxAbs), MaxRel: report.Number(p.MaxRel), TolAbs: report.Number(p.Tolerance.Abs), TolRel: report.Number(p.Tolerance.Rel)}
	if err != nil {
		return err
	}
	d.env.log("export: parity with ONNX Runtime " + p.Library + ": " + p.String())
	st, err := os.Stat(path)
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot read back: %w", err)
	}
	d.result.Student.Bytes = st.Size()
	l, err := export.Latencies(ctx, path, d.recipe.Teacher.Library, export.Row(d.spec.net, x[:len(x)/n]), d.env.timeFor())
	d.timed(d.result.Student, l, err)
	if b := d.result.Baseline; b != nil { // the same net with other weights
		b.Bytes, b.LatencyMS, b.LatencyOneMS = st.Size(), d.result.Student.LatencyMS, d.result.Student.LatencyOneMS
	}
	return d.checkBudget(ctx, path)
}

func (d *run) note(line string) {
	d.env.log(line)
	d.noted.Lock()
	defer d.noted.Unlock()
	d.result.Notes = append(d.result.Notes, line)
}

// keep puts notes of trainings, which were told, into the report, each once.
func (d *run) keep(notes []string) {
	d.noted.Lock()
	defer d.noted.Unlock()
	for _, n := range notes {
		if !slices.Contains(d.result.Notes, n) {
			d.result.Notes = append(d.result.Notes, n)
		}
	}
}

// parityRows is how many test rows ONNX Runtime must reproduce.
const parityRows = 1000
