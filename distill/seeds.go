package distill

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// trainSeeds trains student and baseline with every seed of the recipe on the
// same rows, as many trainings beside one another as the recipe says, and goes
// on with the student of the seed that is best on the validation rows, without
// these the first. Memory holds the nets that are being trained and the best so
// far; the checkpoints of those that are done stay until the run ends.
func (d *run) trainSeeds(ctx context.Context) error {
	defer func(was Env) { d.env = was }(d.env)
	l := d.newLot()
	if err := l.sameRuns(ctx); err != nil {
		return err
	}
	n, parallel := len(l.seeds)*len(l.roles), cmp.Or(d.recipe.Train.Parallel, runtime.GOMAXPROCS(0))
	if _, err := Together(ctx, n, parallel, l.train); err != nil {
		if min(n, parallel) > 1 && fault.KindOf(err) == fault.Interrupted { // which of them saved last says nothing
			return ctx.Err()
		}
		return err
	}
	d.whole.End()
	best := l.best.run
	d.seed, d.spec = best.recipe.Train.Seed, best.spec
	d.spec.net = l.best.student.net
	r := &d.result.Report
	r.Provenance.Seed = d.seed
	r.Student, r.History.Student = l.best.student.block, epochs(l.best.student.History)
	if b := l.best.baseline; b != nil {
		r.Baseline, r.History.Baseline = b.block, epochs(b.History)
	}
	if s := d.busy.took.Seconds(); s > 0 {
		r.StepsPerS, r.SamplesPerS = report.Number(float64(l.steps)/s), report.Number(float64(l.samples)/s)
	}
	d.judge(l.evidence)
	if d.recipe.Train.Seeds > 1 {
		r.Seeds = l.evidence.seeds(d.seed, d.val != nil)
	}
	return d.scoreTeacher(ctx)
}

// lot is the trainings of a run: of each seed one in each role.
type lot struct {
	d     *run
	roles []string

	mu       sync.Mutex
	seeds    []*ofSeed // nil once they are judged
	judged   int       // so many, in their order
	best     *ofSeed   // of the students that are done
	evidence *evidence
	steps    int // of this process
	samples  int
}

// ofSeed are the trainings of one seed.
type ofSeed struct {
	at       int    // counted from 0
	dir      string // of its checkpoints
	opening  sync.Mutex
	run      *run     // nil until the first of them begins
	student  *learned // nil until it is done
	baseline *learned // likewise
}

// newLot readies d for trainings beside one another.
func (d *run) newLot() *lot {
	l := &lot{d: d, roles: []string{RoleStudent}, evidence: &evidence{task: d.task}, seeds: make([]*ofSeed, d.recipe.Train.Seeds)}
	if d.comparable() {
		l.roles = append(l.roles, RoleBaseline)
	}
	for i := range l.seeds {
		l.seeds[i] = &ofSeed{at: i, dir: d.work}
		if i > 0 {
			l.seeds[i].dir = filepath.Join(d.seedDir(), strconv.FormatUint(d.recipe.Train.Seed+uint64(i), 10))
		}
	}
	d.env = d.env.together(d.result.Notes)
	d.busy = &busy{}
	if len(l.seeds) > 1 {
		d.whole = NewJoint(d.env.Progress, AllSeeds, int64(len(l.seeds)*len(l.roles))*d.steps())
	}
	return l
}

// together is e for trainings beside one another: it is told one thing at a
// time, and no line a second time, nor those of said.
func (e Env) together(said []string) Env {
	var mu sync.Mutex
	said = slices.Clone(said)
	log, progress := e.log, e.Progress
	e.Log = func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(said, line) {
			said = append(said, line)
			log(line)
		}
	}
	if progress != nil {
		e.Progress = func(stage string, done, total int64, last *EpochRecord) {
			mu.Lock()
			defer mu.Unlock()
			progress(stage, done, total, last)
		}
	}
	return e
}

// sameRuns refuses checkpoints of another run before anything is trained: a
// training beside the one that would be refused would leave some of this run.
func (l *lot) sameRuns(ctx context.Context) error {
	for _, s := range l.seeds {
		for _, role := range l.roles {
			path, ck, _, err := checkpointFile{s.dir, role}.newest()
			if err != nil {
				return err
			}
			if ck == nil {
				continue
			}
			d, err := l.open(ctx, s)
			if err != nil {
				return err
			}
			run, err := d.identity(ctx, role)
			if err != nil {
				return err
			}
			if err := sameRun(path, ck.Header.Run, run); err != nil {
				return err
			}
		}
		s.run = nil // its net is not needed until it is trained
	}
	return nil
}

// train follows training i, the roles of one seed after those of another.
func (l *lot) train(ctx context.Context, i int) error {
	s, role := l.seeds[i/len(l.roles)], l.roles[i%len(l.roles)]
	d, err := l.open(ctx, s)
	if err != nil {
		return err
	}
	done, err := d.learn(ctx, role)
	if err == nil {
		l.take(s, role, done)
	}
	return err
}

// open is the run of a seed, that of the first d itself. What it does with rows
// and teacher is d's.
func (l *lot) open(ctx context.Context, s *ofSeed) (*run, error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.run != nil {
		return s.run, nil
	}
	d, r := l.d, l.d.recipe
	r.Train.Seed += uint64(s.at)
	own := d
	if s.at > 0 {
		var err error
		if own, err = (&Session{d}).run(ctx, Trial{Recipe: r, Dir: s.dir, Progress: d.env.Progress, Log: d.env.Log}); err != nil {
			return nil, err
		}
		if err := durable.Clean(s.dir, nil); err != nil {
			return nil, err
		}
		own.streams, own.whole, own.busy = d.streams, d.whole, d.busy
	}
	if r.Train.Seeds > 1 {
		own.stage = fmt.Sprintf(", seed %d", r.Train.Seed)
	}
	s.run = own
	return own, nil
}

// take takes in what a training came to, and judges the seeds that are done in
// their order, whatever that of the trainings was.
func (l *lot) take(s *ofSeed, role string, done *learned) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.d.whole.Set(role+s.run.stage, s.run.steps())
	l.steps += done.Steps
	l.samples += done.Samples
	switch {
	case role == RoleBaseline:
		s.baseline, done.net = done, nil
	case l.best == nil || s.before(done, l.best):
		if s.student = done; l.best != nil {
			l.best.student.net = nil
		}
		l.best = s
	default:
		s.student, done.net = done, nil
	}
	for ; l.judged < len(l.seeds) && l.seeds[l.judged].done(l.roles); l.judged++ {
		s := l.seeds[l.judged]
		l.evidence.add(s.run.recipe.Train.Seed, s.student, s.baseline)
		notes := slices.Concat(s.student.Notes, s.baseline.notes())
		if s.run != l.d {
			notes = slices.Concat(s.run.result.Notes, notes)
		}
		l.d.keep(notes)
		l.seeds[l.judged] = nil
	}
}

// before tells whether s, whose student is done, is exported rather than other:
// the better one on the validation rows, of equals and without these the first.
func (s *ofSeed) before(student *learned, other *ofSeed) bool {
	if student.better(other.student.outcome) {
		return true
	}
	return !other.student.better(student.outcome) && s.at < other.at
}

// done tells whether all roles are.
func (s *ofSeed) done(roles []string) bool {
	return s.student != nil && (s.baseline != nil || len(roles) == 1)
}

// notes are those of l, which may be nil.
func (l *learned) notes() []string {
	if l == nil {
		return nil
	}
	return l.Notes
}

// better tells whether what a course came to is better than other on the
// validation rows; without these nothing is.
func (o *outcome) better(other *outcome) bool {
	if o.BestAt < 0 || other.BestAt < 0 {
		return false
	}
	return o.Score > other.Score || o.Score == other.Score && o.Loss < other.Loss
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
