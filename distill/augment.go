package distill

import (
	"context"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
)

// variation is how training sees its rows: augmented as they are read, before
// the student's preprocessing. It is for one feed at a time.
type variation struct {
	text      string // of the recipe, in its one form
	augmenter *dataset.Augmenter
	mixer     *loss.Mixer // of the teacher's answers; nil where rows are not mixed
}

// others are the rows that those of a mini-batch are mixed with.
type others struct {
	raw     dataset.Batch
	rows    []int
	shares  []float32 // (n) what each row keeps of itself
	teacher []float32 // (n, C)
}

// vary makes the variation that the recipe asks for and tells what it does to
// the targets. It is checked here, before any training, and shared by student
// and baseline, which are trained one after the other.
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
	if v.augmenter, err = a.Compile(d.data.Transfer.Spec(), unit); err != nil {
		return err
	}
	if a.Mixes() {
		if v.mixer, err = loss.NewMixer(d.expects(), d.recipe.Loss.Temperature); err != nil {
			return err
		}
	}
	d.variation = v
	d.note("augmentation of the training rows of student and baseline, drawn anew each pass: " + a.String() + "; validation and test rows are left as they are")
	d.note("the target of an augmented row is what the teacher said of the row before it: an approximation, good where the class stays what it was")
	if a.Mixes() && d.expects() == dataset.Regression {
		d.note("numbers of two mixed rows are mixed as the rows are")
	} else if a.Mixes() {
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

// learn fills m with the rows at positions order as pass sees them. Nothing
// but seed, pass and a row's position decides what happens to it.
func (r *rows) learn(ctx context.Context, order []int, seed uint64, pass int, m *mini) error {
	v := r.vary
	if v == nil {
		return r.read(ctx, order, m)
	}
	m.n = len(order)
	if err := r.src.Read(ctx, order, &m.raw); err != nil {
		return err
	}
	v.augmenter.Apply(m.raw.X, order, seed, pass)
	if v.mixer == nil {
		return r.finish(order, m)
	}
	o := &m.others
	o.rows, o.shares = growInts(o.rows, m.n), grow(o.shares, m.n)
	v.augmenter.Partners(o.rows, o.shares, order, r.src.Len(), seed, pass)
	if err := r.src.Read(ctx, o.rows, &o.raw); err != nil {
		return err
	}
	v.augmenter.Apply(o.raw.X, o.rows, seed, pass)
	v.augmenter.Mix(m.raw.X, o.raw.X, o.shares)
	for i, share := range o.shares {
		if k := len(m.raw.V) / m.n; k > 0 {
			v.mixer.MixValues(m.raw.V[i*k:(i+1)*k], o.raw.V[i*k:(i+1)*k], share)
		}
	}
	if err := r.finish(order, m); err != nil || r.targets == nil {
		return err
	}
	o.teacher = grow(o.teacher, m.n*r.classes)
	if err := r.answers(o.rows, m, o.teacher); err != nil {
		return err
	}
	if m.softens > 0 {
		v.mixer.SetTemperature(m.softens)
	}
	for i, share := range o.shares {
		lo, hi := i*r.classes, (i+1)*r.classes
		v.mixer.Mix(m.teacher[lo:hi], o.teacher[lo:hi], share)
	}
	return nil
}

// part is rows lo to hi-1 of m as a loss takes them, with the student's logits
// z of these rows, (hi−lo, classes).
func (m *mini) part(lo, hi, classes int, z []float32) loss.Batch {
	b := loss.Batch{N: hi - lo, C: classes, Student: z, Labels: m.labels[lo:hi]}
	if m.teacher != nil {
		b.Teacher = m.teacher[lo*classes : hi*classes]
	}
	if m.values != nil {
		b.Values = m.values[lo*classes : hi*classes] // mixed already
	} else if o := &m.others; len(o.shares) > 0 {
		b.Others, b.Shares = o.raw.Y[lo:hi], o.shares[lo:hi]
	}
	return b
}

func growInts(v []int, n int) []int {
	if cap(v) < n {
		return make([]int, n)
	}
	return v[:n]
}
