// Package study follows section 5 of Hinton, Vinyals and Dean (2015, arXiv
// 1503.02531) from one recipe, end to end:
//
//	rows → generalist → clusters → specialists → ensemble → one .onnx → students and rivals → page
//
// # Invariants
//
// Everything is repeated with every seed of the recipe on the same rows: a
// seed's clusters, specialists, students and rivals are its own. Each step is a
// durable result in the folder of its seed, beside a record of all that it
// depends on; the same call goes on where another was ended, and one with
// another setting does again those steps alone that depend on it. The models of
// a step do not depend on how many trainings run at once.
package study

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// study is the state of one Run.
type study struct {
	recipe  distill.Recipe           // of generalist, rivals and students; its Specialist is not used
	ask     distill.SpecialistRecipe // what is made of it
	env     distill.Env
	began   time.Time
	data    *distill.Data
	rows    map[string]string // digests of the rows, by what they are for
	session *distill.Session  // of rows and teacher; nil until something learns from these
	whole   *whole            // progress of all steps
	seeds   []*seed
	notes   []string
}

// Run does all that r.Specialist asks for. A cancelled ctx leaves results and
// checkpoints from which the same call goes on.
func Run(ctx context.Context, r distill.Recipe, env distill.Env) (*Result, error) {
	s := &study{recipe: r, ask: r.Specialist, env: env, began: time.Now()}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	lock, err := durable.TryLock(s.at("lock"))
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	result, err := s.follow(ctx)
	if s.session != nil {
		s.session.Close()
	}
	if err != nil {
		return nil, distill.Interrupted(ctx, err)
	}
	return result, s.write(result)
}

// follow leads every seed through every step.
func (s *study) follow(ctx context.Context) (*Result, error) {
	if err := s.openRows(ctx); err != nil {
		return nil, err
	}
	for i := range s.recipe.Train.Seeds {
		s.seeds = append(s.seeds, s.newSeed(i))
	}
	s.whole = s.newWhole()
	for _, one := range s.seeds {
		if err := one.follow(ctx); err != nil {
			return nil, err
		}
	}
	s.whole.end()
	return s.result(), nil
}

// prepare checks all that can be checked before rows are opened, and makes the
// folder.
func (s *study) prepare() error {
	if err := s.check(); err != nil {
		return err
	}
	if err := export.Ready(s.recipe.Teacher.Library); err != nil {
		return err
	}
	dir := s.ask.Output
	if s.recipe.Output.Restart {
		if err := s.forget(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.New(fault.IO, dir, "", "cannot create: %w", err)
	}
	for _, name := range []string{jsonFile, csvFile, pageFile} {
		if err := durable.Writable(s.at(name)); err != nil {
			return err
		}
	}
	return nil
}

// forget removes what another study has left.
func (s *study) forget() error {
	seeds, err := filepath.Glob(s.at("seed-*"))
	if err != nil {
		return err
	}
	for _, path := range seeds {
		if err := os.RemoveAll(path); err != nil {
			return fault.New(fault.IO, path, "", "cannot begin anew: %w", err)
		}
	}
	return nil
}

// openRows opens the rows and digests them.
func (s *study) openRows(ctx context.Context) (err error) {
	if s.data, err = distill.OpenData(ctx, &s.recipe); err != nil {
		return err
	}
	for _, n := range s.data.Notes {
		s.log("data: " + n)
	}
	d, name := s.data, s.recipe.Data.Train
	spec := d.Test.Spec()
	if spec.Task != dataset.MultiClass || !spec.Labelled() {
		return fault.New(fault.Input, name, "task", "got %s, expected %s: specialists are for classes, and judged on rows with labels", spec.Task, dataset.MultiClass)
	}
	s.rows = map[string]string{}
	for what, src := range map[string]dataset.Source{transferRows: d.Transfer, labelledRows: d.Labelled, validationRows: d.Val, testRows: d.Test} {
		if src == nil {
			continue
		}
		if s.rows[what], err = dataset.Digest(ctx, src); err != nil {
			return err
		}
	}
	return nil
}

// What the rows are for.
const (
	transferRows   = "transfer rows"
	labelledRows   = "labelled rows"
	validationRows = "validation rows"
	testRows       = "test rows"
)

// taught opens rows and teacher together, once for all seeds.
func (s *study) taught(ctx context.Context) (_ *distill.Session, err error) {
	if s.session == nil {
		env := s.env
		env.Progress, env.Latency = s.whole.stage(), time.Millisecond // nobody asks how fast the teacher is
		s.session, err = distill.Open(ctx, s.recipe, env)
	}
	return s.session, err
}

// at is a place in the folder of the study.
func (s *study) at(parts ...string) string {
	return filepath.Join(append([]string{s.ask.Output}, parts...)...)
}

func (s *study) log(line string) {
	if s.env.Log != nil {
		s.env.Log(line)
	}
}
