package distill

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/export"
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
	for _, found := range c.Candidates {
		s.opened.env.log("budget: " + describe(found))
	}
	c.Run = run
	return c, c.save(dir)
}

// describe is a candidate for people.
func describe(c Candidate) string {
	line := fmt.Sprintf("%s: %d parameters, %d bytes, %d operations a row", c.Arch, c.Params, c.Bytes, c.FLOPs)
	if c.Latency > 0 {
		line += fmt.Sprintf(", %v", tidy(c.Latency))
	}
	return line
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
	f := fitter{budget: b, in: in, classes: d.teacher.classes, time: rowTimer(d.recipe.Teacher.Library, cmp.Or(d.env.Latency, timedFor)), file: func(arch string) ([]byte, error) {
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

// halve trains the candidates, round by round, and gives the index of the
// best. What each came to is written into list.
func (s *Session) halve(ctx context.Context, list []Candidate, dir string) (int, error) {
	if len(list) == 1 {
		return 0, nil
	}
	if s.opened.data.Val == nil {
		return 0, fault.New(fault.Usage, "", "--val-split", "there are no validation rows, expected some to choose among %d students by", len(list))
	}
	alive, epochs := make([]int, len(list)), s.opened.recipe.Train.Epochs
	for i := range alive {
		alive[i] = i
	}
	p := searchProgress{to: s.opened.env.Progress, total: plan(len(list), epochs)}
	for _, until := range rounds(len(list), epochs) {
		for _, i := range alive {
			if err := s.try(ctx, &list[i], filepath.Join(dir, strconv.Itoa(i)), until, &p); err != nil {
				return 0, err
			}
		}
		alive = slices.DeleteFunc(alive, func(i int) bool { return list[i].Diverged })
		if len(alive) == 0 {
			return 0, fault.New(fault.Diverged, "", "budget", "each of %d students diverged: try a lower --lr", len(list))
		}
		slices.SortStableFunc(alive, func(i, j int) int { return byScore(list[i], list[j]) })
		alive = alive[:(len(alive)+1)/2]
	}
	return alive[0], nil
}

// byScore orders candidates: first who does better on the validation rows, of
// equals who has the lower loss there, of these the smaller.
func byScore(a, b Candidate) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Loss, b.Loss), cmp.Compare(a.Params, b.Params))
}

// rounds are the epochs up to which the candidates left are trained: the last
// of them half of all, each before it half of the next.
func rounds(candidates, epochs int) (until []int) {
	for r := bits.Len(uint(candidates - 1)); r >= 1; r-- {
		until = append(until, ceilDiv(epochs, 1<<r))
	}
	return until
}

// plan is how many epochs are trained where none diverges.
func plan(candidates, epochs int) (sum int) {
	done := 0
	for _, until := range rounds(candidates, epochs) {
		sum += candidates * (until - done)
		candidates, done = (candidates+1)/2, until
	}
	return sum
}

// try trains one candidate up to an epoch and notes what it came to.
func (s *Session) try(ctx context.Context, c *Candidate, dir string, until int, p *searchProgress) error {
	t := s.trialOf(c.Arch, dir)
	t.Until, t.Progress = until, p.of(c.Epochs, t.Recipe.Train.Epochs)
	out, err := s.Train(ctx, t)
	if fault.KindOf(err) == fault.Diverged {
		c.Diverged = true
		s.opened.note(fmt.Sprintf("budget: %s is left out: %v", c.Arch, err))
		return nil
	}
	if err != nil {
		return err
	}
	if out.BestAt < 0 {
		return fault.New(fault.Usage, "", "--val", "the validation rows have neither labels nor targets, expected some to choose among students by")
	}
	p.done += until - c.Epochs
	best := out.Best()
	c.Epochs, c.Score, c.Loss = until, report.Number(best.ValAccuracy), report.Number(best.ValLoss)
	return nil
}

// takeOver puts the checkpoints of a candidate into dir, from which training
// goes on, and removes the others.
func takeOver(candidates string, chosen int, dir string) error {
	from, to := checkpointFile{filepath.Join(candidates, strconv.Itoa(chosen)), RoleStudent}, checkpointFile{dir, RoleStudent}
	for _, f := range [][2]string{{from.previous(), to.previous()}, {from.path(), to.path()}} {
		if err := os.Rename(f[0], f[1]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.IO, f[0], "", "cannot be moved: %w", err)
		}
	}
	if err := os.RemoveAll(candidates); err != nil {
		return fault.New(fault.IO, candidates, "", "cannot be removed: %w", err)
	}
	return nil
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

// searchProgress shows the epochs of all candidates as one stage.
type searchProgress struct {
	to          Progress
	done, total int // epochs
}

// of is the progress of a candidate that has done epochs of all.
func (p *searchProgress) of(epochs, all int) Progress {
	return func(_ string, done, total int64, last *EpochRecord) {
		perEpoch := total / int64(all)
		p.to.report("search", int64(p.done)*perEpoch+max(0, done-int64(epochs)*perEpoch), int64(p.total)*perEpoch, last)
	}
}

// chooseStudent makes the recipe's student the best within its budget.
func (d *run) chooseStudent(ctx context.Context) (err error) {
	d.recipe.Student, d.result.Budget, err = (&Session{d}).Choose(ctx, d.work)
	return err
}

// checkBudget holds the file that was written against the budget, and times it.
func (d *run) checkBudget(ctx context.Context, path string) error {
	asked := d.result.Budget
	if asked == nil {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot read back: %w", err)
	}
	c := Candidate{Params: d.spec.params, FLOPs: d.spec.flops, Bytes: int64(len(data))}
	if asked.Latency > 0 && export.Ready(d.recipe.Teacher.Library) == nil {
		if c.Latency, err = rowTimer(d.recipe.Teacher.Library, cmp.Or(d.env.Latency, timedFor))(ctx, path, data); err != nil {
			return err
		}
		if d.result.Student.LatencyOneMS == 0 { // unverified, and so not timed
			d.result.Student.LatencyOneMS = report.Number(c.Latency.Seconds() * 1e3)
		}
		d.note(fmt.Sprintf("budget: the student takes %v a row, at most %v were asked for", tidy(c.Latency), asked.Latency))
	}
	b := Budget{Params: asked.Params, Bytes: asked.Bytes, FLOPs: asked.FLOPs, Latency: asked.Latency}
	if flag, has, over := b.overrun(c); over > 1 {
		d.result.Warnings = append(d.result.Warnings, fmt.Sprintf("the student is over its budget: %s: %s", flag, has))
	}
	return nil
}
