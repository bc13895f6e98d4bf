package distill

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher"
)

// maxViews is the largest number of stored views of a row.
const maxViews = 1000

// teacherMode says which rows the teacher is asked about when training varies
// them. Beyer et al. 2022 (arXiv 2106.05237, section 3, "consistent teaching")
// found students that see what their teacher sees to end better than those of a
// teacher that saw other views, or the row as it is ("fixed teacher").
type teacherMode struct {
	online bool // about each view when a student sees it
	views  int  // about so many views of each row, ahead; 0: about the row as it is
}

// parseTeacherMode reads store, online or views:N.
func parseTeacherMode(text string) (teacherMode, error) {
	switch count, views := strings.CutPrefix(text, "views:"); {
	case text == "store", text == "":
		return teacherMode{}, nil
	case text == "online":
		return teacherMode{online: true}, nil
	case views:
		if n, err := strconv.Atoi(count); err == nil && n >= 1 && n <= maxViews {
			return teacherMode{views: n}, nil
		}
	}
	return teacherMode{}, fault.New(fault.Usage, "", "--teacher-mode", "got %q, expected store, online, or views:N with N from 1 to %d", text, maxViews)
}

// String is the mode as parseTeacherMode reads it.
func (m teacherMode) String() string {
	switch {
	case m.online:
		return "online"
	case m.views > 0:
		return fmt.Sprintf("views:%d", m.views)
	}
	return "store"
}

// stored tells whether the teacher is asked about rows as they are alone.
func (m teacherMode) stored() bool { return m == teacherMode{} }

// checkTeacherMode refuses a mode that makes no sense with the rest of r.
func (r *Recipe) checkTeacherMode() error {
	mode, err := parseTeacherMode(r.Teacher.Mode)
	if err != nil || mode.stored() {
		return err
	}
	switch {
	case mode.online && !(r.taught() && r.Teacher.Named()):
		return fault.New(fault.Usage, "", "--teacher-mode", "got online without a teacher, expected its .onnx file by --teacher: a store cannot be asked about new views")
	case !r.taught():
		return fault.New(fault.Usage, "", "--teacher-mode", "got %s without a teacher, expected store: nobody would be asked", mode)
	}
	if a, err := dataset.ParseAugment(r.Train.Augment); err == nil && a.String() == "" {
		return fault.New(fault.Usage, "", "--teacher-mode", "got %s without --augment, expected store: nothing varies the rows, so that what the teacher says of each never changes", mode)
	}
	return nil
}

// checkVaries refuses to ask about varied rows of a table with texts: these stay
// what they were, so that a teacher that reads them would be asked about another
// row than the student sees.
func (m teacherMode) checkVaries(spec dataset.Spec) error {
	if m.stored() || len(spec.Texts) == 0 {
		return nil
	}
	return fault.New(fault.Usage, "", "--teacher-mode", "got %s, expected store: the column %q is a text or category, which --augment does not vary as it varies numbers, "+
		"so that the teacher would be asked about other rows than the student sees; --synthetic makes rows that both can be asked about", m, spec.Texts[0])
}

// told says how the targets of varied rows come about.
func (m teacherMode) told() string {
	switch {
	case m.online:
		return "the teacher is asked online about each view of a row that the student sees; the baseline, which needs no teacher, sees views of its own"
	case m.views > 0:
		return fmt.Sprintf("the teacher is asked once about %d views of each row; pass p of the student sees view p mod %d, the baseline, which needs no teacher, sees new ones each pass", m.views, m.views)
	}
	return "the target of an augmented row is what the teacher said of the row before it: an approximation, good where the class stays what it was (--teacher-mode asks about the views)"
}

// asker is a teacher that stays open while students train, for one at a time.
type asker struct {
	mu    sync.Mutex
	model teacher.Model
	close func()
}

// answer puts what the teacher says of the rows of b into z, (N, C).
func (a *asker) answer(ctx context.Context, b *dataset.Batch, z []float32) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.model.Answer(ctx, b, z)
}

// goOnline opens the teacher for what students will ask.
func (d *run) goOnline(ctx context.Context) error {
	d.variation.online = d.teacher.open
	return d.teacher.open.model.Online(ctx, teacher.OnlineOptions{Rows: d.recipe.Train.Batch, Restarted: func(batch string, err error) {
		d.note("teacher: " + batch + ", restarted and went on: " + err.Error())
	}})
}

// askAsOpened gives d, a training of a session on the rows of opened, a teacher
// to ask: the one that is open there, or what it says of d's own views, which are
// others where seed or augmentation are.
func (d *run) askAsOpened(ctx context.Context, opened *run) error {
	v := d.variation
	switch {
	case v == nil || v.mode.stored():
		return nil
	case v.mode != opened.variation.askedIn():
		return fault.New(fault.Usage, "", "--teacher-mode", "got %s, expected %s as the session was opened with", v.mode, opened.variation.askedIn())
	case v.mode.online:
		v.online = d.teacher.open
		return nil
	case d.recipe.Train.Seed == opened.recipe.Train.Seed && v.text == opened.variation.text || d.teacher.open == nil:
		return nil
	}
	learned, err := d.withVal()
	if err != nil {
		return err
	}
	own := *d.teacher
	own.open.mu.Lock()
	defer own.open.mu.Unlock()
	own.targets, err = d.fill(ctx, own.open.model, learned, "")
	d.teacher = &own
	return err
}

// askedIn is the mode of v, which may be nil.
func (v *variation) askedIn() teacherMode {
	if v == nil {
		return teacherMode{}
	}
	return v.mode
}

// asked are the rows of the transfer set as the teacher is asked about them
// ahead of training.
func (d *run) asked() dataset.Source {
	if v := d.variation; v != nil && v.mode.views > 0 {
		return v.views
	}
	return d.data.Transfer
}

// withVal are the rows that are asked about for training: asked, and those that
// validate.
func (d *run) withVal() (dataset.Source, error) {
	if d.data.Val == nil {
		return d.asked(), nil
	}
	return dataset.Concat(d.asked(), d.data.Val)
}

// holdsViews refuses the store of a teacher that nobody can ask where it lacks
// the views that training with a seed sees.
func (d *run) holdsViews(ctx context.Context, t *taught, seed uint64) error {
	v := d.variation
	if v == nil || v.views == nil {
		return nil
	}
	found, err := t.covers(ctx, v.augmenter.Views(d.data.Transfer, seed, v.mode.views))
	if err == nil && found == nil {
		err = fault.New(fault.Integrity, t.targets.Dir(), "", "does not hold the %d views of each row that --teacher-mode asks for with seed %d: it was filled for other rows, --augment, --seed or N", v.mode.views, seed)
	}
	return err
}

// taughtRows are the rows of the transfer set with what the teacher says of them
// as a student with losses at temperature sees them.
func (d *run) taughtRows(ctx context.Context, temperature float64) (*rows, error) {
	targets, v := d.teacher.at(temperature), d.variation
	if v == nil || v.views == nil || targets == nil {
		r, err := d.paired(ctx, d.learned(), targets, temperature)
		if err == nil {
			r.vary = v
			if d.part != nil {
				r.epochs = d.part.Epochs
			}
		}
		return r, err
	}
	if d.teacher.contract == nil { // the store is all there is
		if err := d.holdsViews(ctx, d.teacher, d.recipe.Train.Seed); err != nil {
			return nil, err
		}
	}
	return &rows{src: d.data.Transfer, pipe: d.spec.pipe, targets: targets, task: d.task, classes: d.teacher.classes, vary: v}, nil
}
