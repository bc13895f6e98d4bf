// Package sweep tries many settings of a student's training and says which is
// best on held-out rows: all combinations, random ones, or successive halving.
//
//	Plan → cells × seeds, and their baselines → distill.Session → Result
//
// # Invariants
//
// The test rows stay closed: cells are judged on rows held out of the training
// rows (see distill.HeldOut), which have not chosen a training's epoch either.
// The teacher is asked once. Every finished training is one durable file, and
// a running one has its checkpoints, so that the same call goes on where
// another was ended. What comes out does not depend on how many trainings run
// at once, nor on who ran them.
package sweep

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Plan is what a sweep does.
type Plan struct {
	Base  distill.Recipe // what all cells have in common; its Sweep is not used
	Axes  []Axis         // what varies, for tables and figures; may be empty
	Cells []Cell

	Halving  *Halving // nil: every cell runs all epochs
	Seeds    int      // trainings of each cell, whose mean decides, with Base.Train.Seed and those after it; 0: 1
	HoldOut  distill.HeldOut
	Parallel int    // trainings at once; 0: one a core
	Dir      string // of what the sweep leaves
	Restart  bool   // forget what is in Dir

	Shard, Shards int // of the trainings this call takes every Shards-th, from Shard; 0: all
}

// Cell is one setting: keys of a recipe's sections student, loss and train with
// their values as a recipe has them.
type Cell []Setting

// Setting is the value of one key.
type Setting struct {
	Key   string `json:"key"` // such as loss.temperature
	Value string `json:"value"`
}

// Value is that of key, or empty.
func (c Cell) Value(key string) string {
	for _, s := range c {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// sweeper is the state of one Run.
type sweeper struct {
	plan    Plan
	env     distill.Env
	session *distill.Session
	began   time.Time

	cells     []*entry // in the order of the plan
	baselines []*entry
	rungs     []int // epochs after which trainings are judged; the last is all of them
	progress  *distill.Joint
	followed  atomic.Int64 // trainings of the rung that are done
	total     int          // of the rung
	notes     []string
}

// Run follows the plan. A Result is nil where the plan is one of several
// shards. A cancelled ctx leaves checkpoints from which the same call goes on.
func Run(ctx context.Context, p Plan, env distill.Env) (*Result, error) {
	s := &sweeper{plan: p, env: env, began: time.Now()}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	base := s.plan.Base
	var err error
	if s.session, err = distill.OpenHeldOut(ctx, base, p.HoldOut, env); err != nil {
		return nil, err
	}
	defer s.session.Close()
	for _, step := range []func(context.Context) error{s.sameSweep, s.pairBaselines, s.train} {
		if err := step(ctx); err != nil {
			return nil, distill.Interrupted(ctx, err)
		}
	}
	if s.plan.Shards > 1 {
		return nil, nil
	}
	result, err := s.result(ctx)
	if err != nil {
		return nil, distill.Interrupted(ctx, err)
	}
	if err := s.write(result); err != nil {
		return result, err
	}
	return result, s.tidy()
}

// prepare checks all that can be checked before rows are opened.
func (s *sweeper) prepare() error {
	p := &s.plan
	p.Base.Sweep = distill.DefaultSweep()
	p.Base.Output.Restart = false
	if p.Seeds == 0 {
		p.Seeds = 1
	}
	if p.Parallel == 0 {
		p.Parallel = runtime.GOMAXPROCS(0)
	}
	for _, c := range []struct {
		flag   string
		value  int
		lo, hi int
	}{
		{"--seeds", p.Seeds, 1, 1000},
		{"--parallel", p.Parallel, 1, 1024},
		{"--shards", p.Shards, 0, 1 << 20},
		{"--shard-index", p.Shard, 0, max(p.Shards-1, 0)},
	} {
		if c.value < c.lo || c.value > c.hi {
			return fault.New(fault.Usage, "", c.flag, "got %d, expected a number from %d to %d", c.value, c.lo, c.hi)
		}
	}
	switch {
	case len(p.Cells) == 0:
		return fault.New(fault.Usage, "", "sweep", "nothing varies: give several values, such as --temperature 1,2,4,8")
	case len(p.Cells) > maxCells:
		return fault.New(fault.Usage, "", "sweep", "got %d cells, expected at most %d: draw some by --cells", len(p.Cells), maxCells)
	case p.Dir == "":
		return fault.New(fault.Usage, "", "-o", "empty: name the folder of the sweep")
	case p.Base.Teacher.Model == distill.NoTeacher:
		return fault.New(fault.Usage, "", "--teacher", "got %q: a sweep needs somebody who teaches", distill.NoTeacher)
	case p.Halving != nil && p.Shards > 1:
		return fault.New(fault.Usage, "", "--shards", "halving compares all cells at each rung: shards are for grid and random")
	}
	s.rungs = []int{p.Base.Train.Epochs}
	if p.Halving != nil {
		if err := p.Halving.check(p.Base.Train.Epochs); err != nil {
			return err
		}
		s.rungs = p.Halving.rungs(len(p.Cells), p.Base.Train.Epochs)
	}
	if err := p.Base.Validate(); err != nil { // else the first cell would be blamed
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	return s.folder()
}

// folder makes the folder of the sweep, empty where it is to begin anew.
func (s *sweeper) folder() error {
	if err := os.MkdirAll(s.plan.Dir, 0o755); err != nil {
		return fault.New(fault.IO, s.plan.Dir, "", "cannot create: %w", err)
	}
	if s.plan.Restart {
		for _, name := range []string{cellsDir, workDir} {
			if err := os.RemoveAll(filepath.Join(s.plan.Dir, name)); err != nil {
				return fault.New(fault.IO, s.plan.Dir, "", "cannot begin anew: %w", err)
			}
		}
		os.Remove(filepath.Join(s.plan.Dir, identityFile))
	}
	for _, name := range []string{cellsDir, workDir} {
		if err := os.MkdirAll(filepath.Join(s.plan.Dir, name), 0o755); err != nil {
			return fault.New(fault.IO, s.plan.Dir, "", "cannot create: %w", err)
		}
	}
	for _, name := range []string{csvFile, jsonFile, htmlFile, bestFile} {
		if err := durable.Writable(filepath.Join(s.plan.Dir, name)); err != nil {
			return err
		}
	}
	return s.sameRecipe()
}

// tidy removes what calls that were killed have left: every training is
// recorded by now, and nobody is at work here any more.
func (s *sweeper) tidy() error {
	for _, dir := range []string{s.plan.Dir, filepath.Join(s.plan.Dir, cellsDir)} {
		if err := durable.Clean(dir, nil); err != nil {
			return err
		}
	}
	work := filepath.Join(s.plan.Dir, workDir)
	if err := os.RemoveAll(work); err != nil {
		return fault.New(fault.IO, work, "", "cannot remove: %w", err)
	}
	return nil
}

func (s *sweeper) note(line string) {
	s.notes = append(s.notes, line)
	s.log(line)
}

func (s *sweeper) log(line string) {
	if s.env.Log != nil {
		s.env.Log(line)
	}
}
