package distill

import (
	"context"
	"fmt"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/distill/schedule"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/kernel"
	"github.com/kdonnx/kdonnx/student/optim"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// openRoles pairs the rows with what the teacher said of them.
func (d *run) openRoles(ctx context.Context) (err error) {
	if d.train, err = d.taughtRows(ctx, d.recipe.Loss.Temperature); err != nil {
		return err
	}
	if d.recipe.Loss.Hint != "" && d.teacher.hint != nil {
		if d.train.hint, err = openHintRows(ctx, d.train.src, d.teacher.hint.targets); err != nil {
			return err
		}
		if d.variation != nil {
			d.note("hint: the teacher's values of an augmented row are those of the row before it")
		}
	}
	if d.test, err = d.paired(ctx, d.data.Test, d.teacher.test, 1); err != nil {
		return err
	}
	if d.val, err = d.valRows(ctx); err == nil && d.val == nil && d.data.Val != nil {
		d.note("the validation rows have neither labels nor targets: the last epoch is kept")
	}
	return err
}

// valRows are the validation rows with what the teacher said of them; nil
// without any that a net could be judged by.
func (d *run) valRows(ctx context.Context) (*rows, error) {
	if d.data.Val == nil {
		return nil, nil
	}
	targets := d.teacher.targets
	if targets != nil && d.teacher.contract == nil { // nobody can be asked about rows that the store lacks
		var err error
		if targets, err = d.teacher.covers(ctx, d.data.Val); err != nil {
			return nil, err
		}
	}
	if labelled, err := labelledRows(ctx, d.data.Val); err != nil || targets == nil && len(labelled) == 0 {
		return nil, err
	}
	return d.paired(ctx, d.data.Val, targets, 1)
}

// paired are rows as the net takes them with what targets have of them, for
// losses at a temperature.
func (d *run) paired(ctx context.Context, src dataset.Source, targets *store.Store, temperature float64) (*rows, error) {
	if d.part == nil || targets == nil {
		return openRows(ctx, src, d.spec.pipe, targets, d.task, d.teacher.classes)
	}
	r, err := openRows(ctx, src, d.spec.pipe, targets, d.task, targets.Classes())
	if err == nil {
		r.part, r.classes, r.partAt = d.part, d.teacher.classes, temperature
	}
	return r, err
}

// learned are the rows that the student learns from: without a teacher those
// that have a label.
func (d *run) learned() dataset.Source {
	if d.recipe.taught() {
		return d.data.Transfer
	}
	return d.data.Labelled
}

// labelledAlone are the rows of the baseline: those with a label, and nothing
// that the teacher said of them.
func (d *run) labelledAlone(ctx context.Context) (*rows, error) {
	r, err := openRows(ctx, d.data.Labelled, d.spec.pipe, nil, d.task, d.teacher.classes)
	if err == nil {
		r.vary = d.variation
	}
	return r, err
}

// fewSteps is a budget too small to judge a student by.
const fewSteps = 200

// lesson is a fresh copy of the net, and what it is trained by in one role.
type lesson struct {
	net     *student.Student
	loss    loss.Loss
	hint    *hintTerm // nil without
	formula string    // of loss and hint
}

func (d *run) lesson(role string) (l lesson, err error) {
	if l.net, err = student.FromModel(d.spec.model, role); err != nil {
		return l, err
	}
	if l.loss, err = d.lossOf(role); err != nil {
		return l, err
	}
	if l.hint, err = d.hintOf(role, l.net); err != nil {
		return l, err
	}
	l.formula = l.hint.formula(l.loss.Formula())
	return l, nil
}

// teaches tells whether a net in the role learns from a teacher.
func (d *run) teaches(role string) bool { return role == RoleStudent && d.recipe.taught() }

// perEpoch is the number of steps of an epoch, in every role.
func (d *run) perEpoch() int { return ceilDiv(d.epochRows(), d.recipe.Train.Batch) }

// epochRows is the number of rows of an epoch of the student.
func (d *run) epochRows() int {
	if d.part != nil {
		return d.part.Epochs.Len()
	}
	return d.learned().Len()
}

// steps is the number of steps of a training.
func (d *run) steps() int64 { return int64(d.recipe.Train.Epochs) * int64(d.perEpoch()) }

// rate is the schedule of the learning rate.
func (d *run) rate() (optim.Schedule, error) {
	t, steps := d.recipe.Train, d.recipe.Train.Epochs*d.perEpoch()
	if t.Warmup >= steps {
		return nil, fault.New(fault.Usage, "", "--warmup", "got %d steps, expected fewer than the %d of the run", t.Warmup, steps)
	}
	return optim.Named(t.Schedule, uint64(steps), uint64(t.Warmup))
}

// checkSteps refuses a run that is too short, before the teacher is asked.
func (d *run) checkSteps(context.Context) error {
	if d.perEpoch() == 0 {
		return nil // what lacks is said later
	}
	_, err := d.rate()
	return err
}

// learned is what one training came to on the test rows.
type learned struct {
	net *student.Student // nil once nobody needs it
	*outcome
	block   *report.Block
	answers *answers // nil where there is nobody to compare with
}

// learn trains the net in one role beside others, which divide the cores, and
// scores it: the student on what the teacher says, the baseline for as many steps on
// the hard labels alone.
func (d *run) learn(ctx context.Context, role string) (l *learned, err error) {
	train, how := d.train, " on soft targets"
	switch {
	case role == RoleBaseline:
		how = " on hard labels"
		if train, err = d.labelledAlone(ctx); err != nil {
			return nil, err
		}
	case !d.recipe.taught():
		how = " on labels alone"
	}
	defer kernel.Share()()
	l = &learned{}
	if l.net, l.outcome, err = d.follow(ctx, role, train); err != nil {
		return nil, err
	}
	if l.block, err = d.block(ctx, d.recipe.Student.name()+how, l.net); err != nil {
		return nil, err
	}
	if role == RoleBaseline {
		l.block.Result = l.block.WithoutPoints()
	}
	if d.comparable() {
		l.answers, err = d.answers(ctx, l.net, l.block)
	}
	return l, err
}

// comparable tells whether a student has a baseline.
func (d *run) comparable() bool {
	return d.recipe.taught() && !d.recipe.Train.NoBaseline && d.data.Labelled.Len() > 0
}

// follow trains a fresh copy of the net in one role.
func (d *run) follow(ctx context.Context, role string, train *rows) (*student.Student, *outcome, error) {
	l, err := d.lesson(role)
	if err != nil {
		return nil, nil, err
	}
	rate, err := d.rate()
	if err != nil {
		return nil, nil, err
	}
	identity, err := d.identity(ctx, role)
	if err != nil {
		return nil, nil, err
	}
	epochs, perEpoch := d.recipe.Train.Epochs, d.perEpoch()
	passes := fmt.Sprintf("%d epochs", epochs)
	if epochs == 1 {
		passes = "1 epoch"
	}
	d.env.log(fmt.Sprintf("%s%s: %s, %d parameters, %s of %d steps, loss %s", role, d.stage, d.recipe.Student.name(), d.spec.params, passes, perEpoch, l.formula))
	var notes []string
	note := func(line string) {
		d.env.log(line)
		notes = append(notes, line)
	}
	if steps := epochs * perEpoch; role == RoleStudent && steps < fewSteps {
		note(fmt.Sprintf("only %d steps in all, which teaches little: raise --epochs or lower --batch", steps))
	}
	if d.teaches(role) && d.part == nil && !d.recipe.Loss.teaches() && l.hint == nil { // of a specialist that is quite usual
		note("the loss has no soft term, or none with a weight: the student learns nothing from the teacher")
	}
	var weights func(step uint64) loss.Weights
	if d.teaches(role) {
		if train, weights, err = d.scheduled(train, perEpoch); err != nil {
			return nil, nil, err
		}
	}
	c := &course{role: role, stage: d.stage, recipe: &d.recipe, net: l.net, train: train, val: d.val, loss: l.loss, weights: weights, hint: l.hint,
		perEpoch: perEpoch, until: d.until, run: identity, schedule: rate, tuned: d.spec.from != nil,
		files: checkpointFile{d.work, role}, every: d.env.checkpointEvery(), progress: d.whole.Beside(d.env.Progress), note: note, busy: d.busy,
		tell: func(done []EpochRecord) error { return d.tell(role, done) }}
	out, err := c.follow(ctx)
	if err != nil {
		return nil, nil, err
	}
	out.Formula, out.Notes = l.formula, notes
	return l.net, out, nil
}

// scheduled is T, α and β of the student's loss at each step, nil where they
// stay, and the rows with targets that follow T.
func (d *run) scheduled(train *rows, perEpoch int) (*rows, func(step uint64) loss.Weights, error) {
	s, err := d.recipe.Loss.schedules()
	if err != nil {
		return nil, nil, err
	}
	weights := s.over(schedule.Run{Epochs: d.recipe.Train.Epochs, PerEpoch: perEpoch})
	if weights == nil {
		return train, nil, nil
	}
	own := *train
	own.temperature = func(step int) float64 { return weights(uint64(step)).Temperature }
	if v := train.vary; v != nil && v.mixer != nil { // one whose T nobody else sees change
		varied := *v
		if varied.mixer, err = loss.NewMixer(d.task, s.start.Temperature); err != nil {
			return nil, nil, err
		}
		own.vary = &varied
	}
	return &own, weights, nil
}

// lossOf is the loss that a role is trained with: of the baseline, of the
// labels alone.
func (d *run) lossOf(role string) (loss.Loss, error) {
	l := d.recipe.Loss
	switch {
	case d.teaches(role):
		return l.build(d.task, d.spec.scale, d.recipe.Train.Epochs)
	case d.task == dataset.MultiClass:
		return loss.New("hard-label", loss.Settings{Smoothing: l.Smoothing})
	}
	one := 1.0
	l = LossRecipe{Name: l.Name, Temperature: l.Temperature, Beta: &one, Smoothing: l.Smoothing, Delta: l.Delta}
	return l.build(d.task, d.spec.scale, d.recipe.Train.Epochs)
}
