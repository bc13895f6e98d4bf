package sweep

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// train leads all entries, or those of the shard, from rung to rung.
func (s *sweeper) train(ctx context.Context) error {
	alive := append(slices.Clone(s.cells), s.baselines...)
	s.progress = s.newProgress(len(alive))
	s.log(s.announced())
	for k, until := range s.rungs {
		var work []*training
		for _, e := range alive {
			for _, t := range e.trainings {
				work = append(work, t)
			}
		}
		work = s.ofShard(work)
		if len(s.rungs) > 1 {
			s.log(fmt.Sprintf("rung %d of %d: %d settings to epoch %d", k+1, len(s.rungs), len(alive), until))
		}
		if err := s.together(ctx, work, k); err != nil {
			return err
		}
		if s.plan.Shards > 1 {
			break // others have the rest
		}
		for _, e := range alive {
			e.rung = k
			e.stand(until)
		}
		if k+1 < len(s.rungs) {
			alive = s.promote(alive)
		}
	}
	s.progress.End()
	return nil
}

func (s *sweeper) ofShard(all []*training) (mine []*training) {
	for i, t := range all {
		if s.plan.Shards <= 1 || i%s.plan.Shards == s.plan.Shard {
			mine = append(mine, t)
		}
	}
	return mine
}

// promote are the entries that go on: the best of each group, in the order of
// the plan. The checkpoints of the others go.
func (s *sweeper) promote(alive []*entry) (next []*entry) {
	groups := map[string][]*entry{}
	for _, e := range alive {
		groups[e.role+"/"+e.group] = append(groups[e.role+"/"+e.group], e)
	}
	for _, e := range alive {
		group := groups[e.role+"/"+e.group]
		better := 0
		for _, other := range group {
			if other != e && before(other, e) {
				better++
			}
		}
		if better < s.plan.Halving.keep(len(group)) && !e.standing.diverged() {
			next = append(next, e)
			continue
		}
		for _, t := range e.trainings {
			os.RemoveAll(s.workPath(t))
		}
	}
	return next
}

// together follows the trainings to rung k, several at once. The first fault
// ends the others, which save checkpoints.
func (s *sweeper) together(ctx context.Context, work []*training, k int) error {
	s.followed.Store(0)
	s.total = len(work)
	i, err := distill.Together(ctx, len(work), s.plan.Parallel, func(ctx context.Context, i int) error { return s.follow(ctx, work[i], k) })
	if i < len(work) {
		return inCell(work[i].of.cell, err)
	}
	return err
}

// follow leads one training to rung k, unless its file says what that came to.
func (s *sweeper) follow(ctx context.Context, t *training, k int) error {
	until := s.until(t, k)
	r, err := s.load(t, until)
	if err != nil {
		return err
	}
	fresh := r == nil
	if fresh {
		if r, err = s.run(ctx, t, k); err != nil {
			return err
		}
	}
	if n := s.followed.Add(1); fresh {
		s.tell(t, r, int(n))
	}
	t.at[s.rungs[k]] = r
	s.progress.Set(t, int64(until)*int64(s.session.StepsPerEpoch(t.recipe.Train.Batch)))
	return nil
}

// until is the epoch to which a training goes at rung k.
func (s *sweeper) until(t *training, k int) int {
	if k == len(s.rungs)-1 {
		return t.recipe.Train.Epochs
	}
	return s.rungs[k]
}

// run trains. A net whose training diverges has a record too: the sweep goes on.
func (s *sweeper) run(ctx context.Context, t *training, k int) (r *record, err error) {
	dir, until := s.workPath(t), s.until(t, k)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fault.New(fault.IO, dir, "", "cannot create: %w", err)
	}
	lock, err := durable.TryLock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	if r, err = s.load(t, until); r != nil || err != nil { // another process has done it meanwhile
		return r, err
	}
	if err := durable.Clean(dir, nil); err != nil {
		return nil, err
	}
	trial := distill.Trial{Recipe: t.recipe, Role: t.of.role, Dir: dir, Progress: s.progress.Of(t)}
	last := k == len(s.rungs)-1
	if !last {
		trial.Until = until
	}
	out, err := s.session.Train(ctx, trial)
	if err == nil {
		r, err = judge(ctx, t, until, out)
	}
	if err != nil && fault.KindOf(err) == fault.Diverged {
		r = t.record(until)
		r.Diverged, _, _ = strings.Cut(err.Error(), ";")
		err = nil
	}
	if err != nil {
		return nil, err
	}
	if err := s.save(t, r); err != nil {
		return nil, err
	}
	if last || r.Diverged != "" {
		os.RemoveAll(dir)
	}
	return r, nil
}

// announced is what is about to be trained, for people.
func (s *sweeper) announced() string {
	beside := ""
	if n := len(s.baselines); n > 0 {
		beside = fmt.Sprintf(" and of %d baselines", n)
	}
	return fmt.Sprintf("sweep: trainings of %d settings%s, %d of each; %s of %d steps, %d at once", len(s.cells), beside, s.plan.Seeds,
		counted(s.plan.Base.Train.Epochs, "epoch"), s.session.StepsPerEpoch(s.plan.Base.Train.Batch), s.plan.Parallel)
}

// counted is a number of things.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// tell logs what a training came to, the n-th that is done of its rung.
func (s *sweeper) tell(t *training, r *record, n int) {
	name := fmt.Sprintf("%d/%d %s", n, s.total, t.of.role)
	if len(t.of.cell) > 0 {
		name += " " + t.of.cell.Name()
	}
	if s.plan.Seeds > 1 {
		name += fmt.Sprintf(" seed %d", t.recipe.Train.Seed)
	}
	if r.Diverged != "" {
		s.log(name + ": " + r.Diverged)
		return
	}
	s.log(fmt.Sprintf("%s: %s %s after %s", name, s.session.Measure(), s.shown(r.Value), counted(r.Epochs, "epoch")))
}

// shown is a value of the measure for people.
func (s *sweeper) shown(v float64) string {
	if s.session.Measure() == "R²" {
		return fmt.Sprintf("%.4f", v)
	}
	return fmt.Sprintf("%.2f %%", 100*v)
}

// newProgress expects as many steps as the rungs ask for, of trainings with the
// batch of the first where they differ.
func (s *sweeper) newProgress(entries int) *distill.Joint {
	epochs, from := 0.0, 0
	n := float64(entries)
	for _, until := range s.rungs {
		epochs += n * float64(until-from)
		from = until
		if s.plan.Halving != nil {
			n = math.Max(1, math.Floor(n/float64(s.plan.Halving.Eta)))
		}
	}
	epochs *= float64(s.plan.Seeds)
	if s.plan.Shards > 1 {
		epochs = math.Ceil(epochs / float64(s.plan.Shards))
	}
	return distill.NewJoint(s.env.Progress, "sweep", int64(epochs)*int64(s.session.StepsPerEpoch(s.plan.Base.Train.Batch)))
}
