package distill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
)

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
