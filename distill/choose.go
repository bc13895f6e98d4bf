package distill

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// choice is the search for the best student within a budget, as the work
// folder keeps it: sizes depend on time that was measured, so that a run which
// goes on must have those of the run before.
type choice struct {
	Run        map[string]string `json:"run"` // what it depends on, by name
	Candidates []Candidate       `json:"candidates"`
	Chosen     int               `json:"chosen"` // of Candidates; -1: not yet
}

// Names in a work folder.
const (
	choiceFile    = "budget.json"
	candidatesDir = "candidates"
)

func forgetChoice(dir string) {
	os.Remove(filepath.Join(dir, choiceFile))
	os.RemoveAll(filepath.Join(dir, candidatesDir))
}

// Choose searches the student of the session's recipe within its budget: of
// each shape of the family the widest net that fits, and of these the best by
// successive halving (Karnin, Koren and Somekh 2013; Jamieson and Talwalkar
// 2016, arXiv 1502.07943): all are trained for a part of the epochs, and the
// better half on the validation rows goes on for twice as long. Dir keeps what
// was found, so that the same call goes on there; the checkpoint of the chosen
// net is left in it, for a trial of the student that it returns. Without a
// budget that is the recipe's own and the table is nil.
func (s *Session) Choose(ctx context.Context, dir string) (StudentRecipe, *report.Budget, error) {
	asked := s.opened.recipe.Student
	b, err := asked.Budget()
	if err != nil || b.IsZero() {
		return asked, nil, err
	}
	c, err := s.candidates(ctx, dir, b)
	if err != nil {
		return asked, nil, err
	}
	if c.Chosen < 0 {
		if c.Chosen, err = s.halve(ctx, c.Candidates, filepath.Join(dir, candidatesDir)); err != nil {
			return asked, nil, err
		}
		c.Candidates[c.Chosen].Chosen = true
		if err := c.save(dir); err != nil {
			return asked, nil, err
		}
	}
	if err := takeOver(filepath.Join(dir, candidatesDir), c.Chosen, dir); err != nil {
		return asked, nil, err
	}
	best := c.Candidates[c.Chosen]
	s.opened.note(fmt.Sprintf("budget: %s is the best of %d nets of %s within %s; --student %q is the same without the search", best.Arch, len(c.Candidates), asked.Arch, b, best.Arch))
	return asked.unbounded(best.Arch), &report.Budget{Family: asked.Arch, Params: b.Params, Bytes: b.Bytes, FLOPs: b.FLOPs, Latency: b.Latency, Candidates: c.Candidates}, nil
}

// candidates are those that dir holds, or that are found now.
func (s *Session) candidates(ctx context.Context, dir string, b Budget) (*choice, error) {
	c, err := loadChoice(dir)
	if err != nil {
		return nil, err
	}
	fresh := c == nil
	if fresh {
		c = &choice{Chosen: -1}
		if c.Candidates, err = s.opened.fitting(ctx, b); err != nil {
			return nil, err
		}
	}
	run, err := s.identityOf(ctx, c.Candidates[0].Arch, dir)
	if err != nil {
		return nil, err
	}
	run["family"], run["budget"] = s.opened.recipe.Student.Arch, b.String()
	if !fresh {
		return c, sameRun(filepath.Join(dir, choiceFile), c.Run, run)
	}
	c.Run = run
	return c, c.save(dir)
}

// fitting are the candidates for the rows of d, whose files are as d would
// export them.
func (d *run) fitting(ctx context.Context, b Budget) ([]Candidate, error) {
	probe := &run{recipe: d.recipe, env: d.env, data: d.data, task: d.task, teacher: d.teacher, variation: d.variation, shares: d.shares, result: d.forecast()}
	first := d.recipe.Train.Seed
	probe.seed = max(first, first+uint64(d.recipe.Train.Seeds)-1) // the one that takes the most digits
	in, err := probe.studentInput(ctx)
	if err != nil {
		return nil, err
	}
	mean, scale, err := probe.unitsOfNumbers(ctx)
	if err != nil {
		return nil, err
	}
	probe.spec.scale = scale
	found := func(c Candidate) { d.env.log("budget: " + c.String()) }
	f := fitter{budget: b, in: in, classes: d.teacher.classes, found: found, time: rowTimer(d.recipe.Teacher.Library, cmp.Or(d.env.Latency, timedFor)), file: func(arch string) ([]byte, error) {
		m, _, err := probe.buildNet(arch, in, mean)
		if err != nil {
			return nil, err
		}
		probe.recipe.Student.Arch, probe.spec.model = arch, m
		return fileOf(m, probe.provenance())
	}}
	return f.candidates(ctx, d.recipe.Student.Arch)
}

// identityOf is what a trial of arch depends on, but for arch.
func (s *Session) identityOf(ctx context.Context, arch, dir string) (map[string]string, error) {
	trial, err := s.run(ctx, s.trialOf(arch, dir))
	if err != nil {
		return nil, err
	}
	id, err := trial.identity(ctx, RoleStudent)
	delete(id, "architecture")
	delete(id, startingNet)
	return id, err
}

// trialOf is the training of one candidate.
func (s *Session) trialOf(arch, dir string) Trial {
	r := s.opened.recipe
	r.Student = r.Student.unbounded(arch)
	return Trial{Recipe: r, Role: RoleStudent, Dir: dir}
}

func loadChoice(dir string) (*choice, error) {
	path := filepath.Join(dir, choiceFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot be read: %w", err)
	}
	c := &choice{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fault.New(fault.Integrity, path, "", "is no search within a budget (%w): --restart begins anew", err)
	}
	if n := len(c.Candidates); n == 0 || c.Chosen < -1 || c.Chosen >= n {
		return nil, fault.New(fault.Integrity, path, "chosen", "got %d of %d candidates: --restart begins anew", c.Chosen, n)
	}
	return c, nil
}

func (c *choice) save(dir string) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fault.New(fault.IO, dir, choiceFile, "cannot encode: %w", err)
	}
	return durable.Write(filepath.Join(dir, choiceFile), append(data, '\n'))
}

// chooseStudent makes the recipe's student the best within its budget.
func (d *run) chooseStudent(ctx context.Context) (err error) {
	d.recipe.Student, d.result.Budget, err = (&Session{d}).Choose(ctx, d.work)
	return err
}
