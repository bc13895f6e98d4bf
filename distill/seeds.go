package distill

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// trainSeeds trains student and baseline with every seed of the recipe, one
// seed after the other, on the same rows, and goes on with the student of the
// seed that is best on the validation rows, without these the first. Memory
// holds the nets of two seeds at most; the checkpoints of those that are done
// stay until the run ends.
func (d *run) trainSeeds(ctx context.Context) error {
	best, e := d, &evidence{task: d.task}
	for i := range d.recipe.Train.Seeds {
		s, err := d.ofSeed(ctx, i)
		if err != nil {
			return err
		}
		if err := s.trainStudent(ctx); err != nil {
			return err
		}
		both, err := s.trainBaseline(ctx)
		if err != nil {
			return err
		}
		e.add(s, both)
		d.took.add(s.trained)
		for _, n := range s.result.Notes {
			if !slices.Contains(d.result.Notes, n) {
				d.result.Notes = append(d.result.Notes, n)
			}
		}
		switch {
		case s == best:
		case s.trained.better(best.trained):
			best.spec.net, best = nil, s
		default:
			s.spec.net = nil
		}
	}
	d.result.addTraining(&d.took)
	d.seed, d.spec = best.recipe.Train.Seed, best.spec
	d.result.Provenance.Seed = d.seed
	d.result.Student, d.result.Baseline, d.result.History = best.result.Student, best.result.Baseline, best.result.History
	d.judge(e)
	if d.recipe.Train.Seeds > 1 {
		d.result.Seeds = e.seeds(d.seed, d.val != nil)
	}
	return d.scoreTeacher(ctx)
}

// ofSeed is the run of the i-th seed, counted from 0; the first is d itself.
// What it does with rows and teacher is d's.
func (d *run) ofSeed(ctx context.Context, i int) (*run, error) {
	r := d.recipe
	r.Train.Seed += uint64(i)
	s := d
	if i > 0 {
		dir := filepath.Join(d.seedDir(), strconv.FormatUint(r.Train.Seed, 10))
		log := func(line string) {
			if !slices.Contains(d.result.Notes, line) { // what holds of every seed is said once
				d.env.log(line)
			}
		}
		var err error
		if s, err = (&Session{d}).run(ctx, Trial{Recipe: r, Dir: dir, Progress: d.env.Progress, Log: log}); err != nil {
			return nil, err
		}
		if err := durable.Clean(dir, nil); err != nil {
			return nil, err
		}
		s.streams = d.streams
	}
	if r.Train.Seeds > 1 {
		s.stage = fmt.Sprintf(", seed %d", r.Train.Seed)
	}
	return s, nil
}

// better tells whether what a course came to is better than other on the
// validation rows; without these nothing is.
func (o *outcome) better(other *outcome) bool {
	if o.BestAt < 0 || other.BestAt < 0 {
		return false
	}
	return o.Score > other.Score || o.Score == other.Score && o.Loss < other.Loss
}

// add takes in the work of another course.
func (o *outcome) add(other *outcome) {
	o.Steps += other.Steps
	o.Samples += other.Samples
	o.Seconds += other.Seconds
}

// scoreTeacher scores the teacher on the test rows, where it was asked about
// them.
func (d *run) scoreTeacher(ctx context.Context) error {
	if d.teacher.test == nil {
		return nil
	}
	b, err := d.teacher.block(ctx, d.test)
	if err != nil {
		return err
	}
	d.timed(b, d.teacher.latency, d.teacher.untimed)
	d.result.Teacher = b
	return nil
}

// block scores what was said of the test rows.
func (t *taught) block(ctx context.Context, test *rows) (*report.Block, error) {
	scored, err := evaluateTeacher(ctx, test)
	return &report.Block{Result: scored.WithoutPoints(), Name: t.name, Params: t.params, Bytes: t.bytes, FLOPs: t.flops}, err
}

// timed adds to b how long its model takes for a row; where that could not be
// measured, the result is as good without.
func (d *run) timed(b *report.Block, l [2]ort.Latency, err error) {
	if err != nil {
		d.note("the latency of " + b.Name + " was not measured: " + err.Error())
		return
	}
	ms := func(l ort.Latency) report.Number { return report.Number(l.Median.Seconds() * 1e3) }
	b.LatencyMS, b.LatencyOneMS = ms(l[0]), ms(l[1])
}
