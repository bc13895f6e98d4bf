package distill

import (
	"context"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
)

// variation is how training sees its rows: augmented as they are read, before
// the student's preprocessing and the teacher's.
type variation struct {
	text      string // of the recipe, in its one form
	augmenter *dataset.Augmenter
	mixer     *loss.Mixer    // of labels, and of what the teacher said of rows as they are; nil where rows are not mixed
	mode      teacherMode    // what the teacher is asked about
	views     dataset.Source // of the transfer set, where they are stored; nil: none
	online    *asker         // who is asked about each view; nil: nobody
}

// vary makes the variation that the recipe asks for and tells what it does to
// the targets. It is checked here, before any training, and shared by student
// and baseline, which may be trained at once: the mixer's own memory is for what
// the teacher said, which the student alone learns from.
func (d *run) vary(ctx context.Context) error {
	a, err := dataset.ParseAugment(d.recipe.Train.Augment)
	if err != nil || a.String() == "" {
		return err
	}
	unit, err := a.Units(ctx, d.data.Transfer)
	if err != nil {
		return err
	}
	v := &variation{text: a.String()}
	if v.mode, err = parseTeacherMode(d.recipe.Teacher.Mode); err != nil {
		return err
	}
	if err := v.mode.checkVaries(d.data.Transfer.Spec()); err != nil {
		return err
	}
	if v.augmenter, err = a.Compile(d.data.Transfer.Spec(), unit); err != nil {
		return err
	}
	if v.mode.views > 0 {
		v.views = v.augmenter.Views(d.data.Transfer, d.recipe.Train.Seed, v.mode.views)
	}
	if a.Mixes() {
		if v.mixer, err = loss.NewMixer(d.expects(), d.recipe.Loss.Temperature); err != nil {
			return err
		}
	}
	d.variation = v
	d.note("augmentation of the training rows of student and baseline, drawn anew each pass: " + a.String() + "; validation and test rows are left as they are")
	d.note(v.mode.told())
	switch {
	case !a.Mixes():
	case !v.mode.stored():
		d.note("the soft target of two mixed rows is what the teacher says of the mixture, the hard target the mixture of their labels")
	case d.expects() == dataset.Regression:
		d.note("numbers of two mixed rows are mixed as the rows are")
	default:
		d.note("the soft target of two mixed rows is the mixture of the teacher's two distributions at T, the hard target that of their labels")
	}
	return nil
}

// augment is how the training rows are varied, empty when they are not.
func (d *run) augment() string {
	if d.variation == nil {
		return ""
	}
	return d.variation.text
}

// teacherMode is what the teacher is asked about, empty when training varies
// nothing.
func (d *run) teacherMode() string {
	if d.variation == nil {
		return ""
	}
	return d.variation.mode.String()
}

// learn fills m with the rows at positions order as pass sees them, all but
// what a teacher must be asked online: see ask. Nothing but seed, pass and a row's
// position decides what happens to it.
func (r *rows) learn(ctx context.Context, order []int, seed uint64, pass int, m *mini) error {
	v := r.vary
	if v == nil {
		return r.read(ctx, order, m)
	}
	if v.mode.views > 0 && r.targets != nil {
		pass %= v.mode.views
	}
	m.n = len(order)
	if err := v.augmenter.View(ctx, r.src, order, seed, pass, &m.raw, &m.others); err != nil {
		return err
	}
	for i, share := range m.others.Shares {
		if k := len(m.raw.V) / m.n; k > 0 {
			v.mixer.MixValues(m.raw.V[i*k:(i+1)*k], m.others.V[i*k:(i+1)*k], share)
		}
	}
	r.prepare(m)
	if r.targets == nil {
		return nil
	}
	m.teacher = grow(m.teacher, m.n*r.classes)
	switch {
	case v.online != nil:
		return nil
	case v.mode.views > 0:
		m.ids = m.raw.IDs(m.ids[:0])
		return r.said(m, m.teacher)
	}
	return r.mixedAnswers(order, m)
}

// mixedAnswers puts what the teacher said of the rows at positions order, as
// they are, into m, mixed as the rows are.
func (r *rows) mixedAnswers(order []int, m *mini) error {
	if err := r.answers(order, m, m.teacher); err != nil || len(m.others.Shares) == 0 {
		return err
	}
	m.othersTeacher = grow(m.othersTeacher, m.n*r.classes)
	if err := r.answers(m.others.Rows, m, m.othersTeacher); err != nil {
		return err
	}
	if m.softens > 0 {
		r.vary.mixer.SetTemperature(m.softens)
	}
	for i, share := range m.others.Shares {
		lo, hi := i*r.classes, (i+1)*r.classes
		r.vary.mixer.Mix(m.teacher[lo:hi], m.othersTeacher[lo:hi], share)
	}
	return nil
}

// asks tells whether the teacher is asked online about what learn gives.
func (r *rows) asks() bool { return r.targets != nil && r.vary != nil && r.vary.online != nil }

// part is rows lo to hi-1 of m as a loss takes them, with the student's logits
// z of these rows, (hi−lo, classes).
func (m *mini) part(lo, hi, classes int, z []float32) loss.Batch {
	b := loss.Batch{N: hi - lo, C: classes, Student: z, Labels: m.labels[lo:hi]}
	if m.teacher != nil {
		b.Teacher = m.teacher[lo*classes : hi*classes]
	}
	if m.values != nil {
		b.Values = m.values[lo*classes : hi*classes] // mixed already
	} else if o := &m.others; len(o.Shares) > 0 {
		b.Others, b.Shares = o.Y[lo:hi], o.Shares[lo:hi]
	}
	return b
}
