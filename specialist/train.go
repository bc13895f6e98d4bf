package specialist

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// TrainPlan is what Train does.
type TrainPlan struct {
	// Recipe has the generalist as its teacher, and rows, loss and training of
	// the specialists. Its student is what a generalist that cannot be trained
	// is first distilled into.
	Recipe   distill.Recipe
	Sets     *Sets
	Head     Head   // of all specialists; empty: Dustbin
	Top      int    // see Bundle; 0: 1
	Dir      string // of the bundle
	Parallel int    // specialists that are trained at once; 0: one a core
	Restart  bool   // forget what is in Dir

	// Labels are the classes of the training rows, by row, for those that have no
	// label of their own, such as what a teacher of the generalist says of them.
	// nil: what the generalist says.
	Labels []int32

	Shard, Shards int // of the sets this call takes every Shards-th, from Shard; 0: all
}

// Fleet is what Train came to.
type Fleet struct {
	Dir       string   `json:"dir"`
	Bundle    *Bundle  `json:"bundle"`
	Trained   []Record `json:"trained"`   // one a set, those that were left out among them
	Distilled bool     `json:"distilled"` // the generalist of the bundle is a student of the given one
	First     *Record  `json:"first"`     // what its training came to; nil where it is the given one, whose training nobody knows here
	Notes     []string `json:"notes"`
	WallS     float64  `json:"wall_s"` // of this call
}

// Training is the time and the rows of the specialists' trainings together, one
// after the other.
func (f *Fleet) Training() (seconds float64, visits int64) {
	for _, r := range f.Trained {
		seconds, visits = seconds+r.Seconds, visits+r.Visits
	}
	return seconds, visits
}

// DefaultRecipe is that of specialists: hard and soft targets with equal weight
// at T = 1. Where the labels can be trusted more than the generalist, as where it
// was trained for few epochs, a lower α gains more.
//
// The paper takes the hard target half of the time and the soft one the other
// half. The expectation of that, over the coin, is ½·CE(y, q) + ½·CE(p, q), the
// classic loss with α = β = ½ at T = 1, whose gradient has the same mean without
// the coin's noise: that is what is minimised.
func DefaultRecipe() distill.Recipe {
	r := distill.Default()
	r.Loss.Temperature, r.Loss.Alpha = 1, 0.5
	return r
}

// fleet is the state of one Train.
type fleet struct {
	folder
	plan    TrainPlan
	session *distill.Session
	notes   []string

	generalist string // the .onnx file that specialists begin from
	first      *Record
	distilled  bool
	train, val side // labels of the session's rows
	work       []*training
	progress   *distill.Joint
}

// Train trains a specialist for each of the plan's sets, each from the
// generalist's weights, and writes the bundle into the plan's folder. Every
// finished specialist is one durable file beside a record of it, and one that is
// under way has its checkpoints, so that the same call goes on where another was
// ended; a folder of other sets, rows or settings is refused by the name of the
// first that differs. Of a plan of several shards the result is nil: once all
// have run, the call without shards joins them.
//
// The generalist is asked once, whatever the number of specialists: what it says
// of the rows is stored by content, and joined for each as it is read.
//
// Where the generalist is one .onnx file that can be trained natively,
// specialists begin with its weights, and it is the bundle's, with its
// preprocessing in the graph and logits as output. Any other — a forest, several
// models, ops that are not known — is first distilled into the recipe's
// student, which then is the bundle's generalist too: a bundle is run
// natively, and as one .onnx file of logits, neither of which the other could be
// part of.
func Train(ctx context.Context, p TrainPlan, env distill.Env) (*Fleet, error) {
	began := time.Now()
	f := &fleet{plan: p, folder: folder{dir: p.Dir, records: fleetDir, unverified: p.Recipe.Output.Unverified, env: env}}
	if err := f.prepare(); err != nil {
		return nil, err
	}
	var err error
	env.Latency = time.Millisecond // nobody asks how fast the generalist is
	if f.session, err = distill.Open(ctx, f.plan.Recipe, env); err != nil {
		return nil, err
	}
	defer f.session.Close()
	for _, step := range []func(context.Context) error{f.sameClasses, f.sameRows, f.label, f.begin, f.divide, f.judgeGeneralist, f.follow} {
		if err := step(ctx); err != nil {
			return nil, distill.Interrupted(ctx, err)
		}
	}
	if f.plan.Shards > 1 {
		return nil, nil
	}
	result, err := f.join()
	if err != nil {
		return nil, err
	}
	result.WallS = time.Since(began).Seconds()
	return result, nil
}

// prepare checks all that can be checked before rows are opened.
func (f *fleet) prepare() error {
	p := &f.plan
	if p.Sets == nil || len(p.Sets.Sets) == 0 {
		return fault.New(fault.Usage, "", "--clusters", "got no set of classes, expected at least one")
	}
	if p.Parallel == 0 {
		p.Parallel = runtime.GOMAXPROCS(0)
	}
	if p.Head == "" {
		p.Head = Dustbin
	}
	if p.Top == 0 {
		p.Top = 1
	}
	classes := len(p.Sets.Classes)
	for _, c := range []struct {
		flag          string
		value, lo, hi int
	}{{"--parallel", p.Parallel, 1, 1024}, {"--top", p.Top, 1, max(1, classes)}, {"--shards", p.Shards, 0, 1 << 20}, {"--shard-index", p.Shard, 0, max(p.Shards-1, 0)}, {"--seeds", p.Recipe.Train.Seeds, 1, 1}} {
		if c.value < c.lo || c.value > c.hi {
			return fault.New(fault.Usage, "", c.flag, "got %d, expected a number from %d to %d", c.value, c.lo, c.hi)
		}
	}
	switch {
	case p.Head != Dustbin && p.Head != Full:
		return fault.New(fault.Usage, "", "--head", "got %q, expected %q or %q", p.Head, Dustbin, Full)
	case p.Dir == "":
		return fault.New(fault.Usage, "", "-o", "empty: name the folder of the bundle")
	case p.Recipe.Teacher.Model == distill.NoTeacher || !p.Recipe.Teacher.Named():
		return fault.New(fault.Usage, "", "--model", "missing: name the .onnx file of the generalist")
	}
	for m, set := range p.Sets.Sets {
		if err := checkSet(set, classes); err != nil {
			return fault.New(fault.Input, p.Sets.path, fmt.Sprintf("sets[%d]", m), "%w", err)
		}
		if p.Head == Dustbin && len(set) == classes {
			return fault.New(fault.Usage, p.Sets.path, fmt.Sprintf("sets[%d]", m), "has all %d classes, which leaves none for a dustbin: expected fewer, or --head %s", classes, Full)
		}
	}
	if sameFile(p.Recipe.Teacher.Model, f.at(f.file(generalistName))) {
		return fault.New(fault.Usage, p.Recipe.Teacher.Model, "--model", "is the bundle's own, which is written anew: expected another folder than %s, or another generalist", p.Dir)
	}
	if err := f.choose(); err != nil {
		return err
	}
	if !p.Recipe.Output.Unverified {
		if err := export.Ready(p.Recipe.Teacher.Library); err != nil {
			return err
		}
	}
	if err := f.make(manifestFile, p.Restart); err != nil {
		return err
	}
	return f.sameRecipe()
}

func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

// sameClasses wants the classes of the sets to be those of rows and generalist,
// in their order.
func (f *fleet) sameClasses(context.Context) error {
	if task := f.session.Task(); task != dataset.MultiClass {
		return fault.New(fault.Input, f.plan.Recipe.Data.Train, "task", "got %s, expected %s: specialists are for classes", task, dataset.MultiClass)
	}
	want, got := f.session.Classes(), f.plan.Sets.Classes
	if len(want) != len(got) {
		return fault.New(fault.Input, f.plan.Sets.path, "classes", "got %d, the rows and the generalist have %d", len(got), len(want))
	}
	for k, name := range want {
		if got[k] != name {
			return fault.New(fault.Input, f.plan.Sets.path, fmt.Sprintf("classes[%d]", k), "got %q, the rows and the generalist have %q", fault.Clip(got[k], shownName), fault.Clip(name, shownName))
		}
	}
	return nil
}

// join writes the bundle of all specialists.
func (f *fleet) join() (*Fleet, error) {
	r := &Fleet{Dir: f.plan.Dir, Distilled: f.distilled, First: f.first, Notes: f.notes}
	b := &Bundle{Classes: slices.Clone(f.plan.Sets.Classes), Top: f.plan.Top, Generalist: Member{File: filepath.Base(f.generalist)}}
	for _, t := range f.work {
		r.Trained = append(r.Trained, *t.record)
		if t.record.LeftOut != "" {
			continue
		}
		b.Specialists = append(b.Specialists, Expert{Member: Member{File: t.record.File}, Classes: slices.Clone(t.set), Head: f.plan.Head, Fraction: t.fraction(), Correction: t.correction()})
	}
	if len(b.Specialists) == 0 {
		return nil, fault.New(fault.Input, f.plan.Recipe.Data.Train, "", "no row is of a class of any of the %d sets: there is no specialist to train", len(f.work))
	}
	if err := b.Write(f.plan.Dir); err != nil {
		return nil, err
	}
	r.Bundle = b
	return r, f.clean()
}

func (f *fleet) note(line string) {
	f.notes = append(f.notes, line)
	f.log(line)
}
