package distill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/teacher"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// taught is what the teacher said of every row of a run.
type taught struct {
	name        string            // file name of the teacher
	teacherSize                   // zero when only the store was given
	contract    *teacher.Contract // nil when only the store was given
	targets     *store.Store      // transfer and validation rows
	test        *store.Store      // test rows; nil when nobody asked the teacher about them
	hint        *hints            // values of a place inside it, of the transfer rows; nil without a hint
	classes     int

	latency [2]ort.Latency // of one row, on the threads that ONNX Runtime chooses and on one; zero: not measured
	untimed error          // why
	open    *asker         // of what is asked while students train; nil: nobody is
}

// done closes the model, where it is open.
func (t *taught) done() {
	if t != nil && t.open != nil {
		t.open.close()
		t.open = nil
	}
}

// at is the store whose answers are for a temperature; nil without a teacher.
func (t *taught) at(temperature float64) *store.Store {
	if t.targets == nil {
		return nil
	}
	return t.targets.At(temperature)
}

// key is what the targets were made of; zero without a teacher.
func (t *taught) key() store.Key {
	if t.targets == nil {
		return store.Key{}
	}
	return t.targets.Key()
}

// askTeacher fills the target stores, or opens those that are there already.
func (d *run) askTeacher(ctx context.Context) error {
	learned, err := d.withVal()
	if err != nil {
		return err
	}
	if d.held != nil { // one store of all training rows, which the run of the best recipe finds again
		var err error
		if learned, err = dataset.Concat(learned, d.data.Test); err != nil {
			return err
		}
	}
	t := &taught{}
	d.teacher = t
	if !d.recipe.taught() {
		return d.learnAlone(ctx, t)
	}
	if !d.recipe.Teacher.Named() {
		return d.openStore(ctx, t)
	}
	asked := d.recipe.Teacher
	if (asked.Task == "auto" || asked.Task == "") && d.recipe.Data.Task != "" {
		asked.Task = d.recipe.Data.Task // of rows without labels too
	}
	model, closeTeacher, err := OpenTeacher(ctx, &asked, d.env.Cache)
	if err != nil {
		return err
	}
	stays := false
	defer func() {
		if !stays {
			closeTeacher()
		}
	}()
	model.NameRows(d.recipe.Data.Train)
	if t.teacherSize, err = d.recipe.Teacher.size(d.env.Cache); err != nil {
		return err
	}
	t.name = model.Name()
	if t.contract, err = model.Detect(ctx, d.probeRows()); err != nil {
		return orNumbers(err, d.probeRows().Spec())
	}
	for _, line := range t.contract.Lines() {
		d.env.log("teacher: " + line)
	}
	if err := d.checkLeast(t.contract.Classes); err != nil {
		return err
	}
	if err := d.lookAtTeacher(ctx, model); err != nil {
		return err
	}
	if err := d.settleTask(t.contract.Task, t.contract.Classes); err != nil {
		return err
	}
	if t.targets, err = d.ahead(ctx, model, learned); err != nil {
		return err
	}
	if t.targets == nil {
		if t.targets, err = d.fill(ctx, model, learned, d.recipe.Teacher.Store); err != nil {
			return err
		}
	}
	if d.held != nil {
		t.test = t.targets
	} else if t.test, err = d.fill(ctx, model, d.data.Test, ""); err != nil {
		return err
	}
	if t.latency, t.untimed = d.teacherLatency(ctx, model); ctx.Err() != nil {
		return ctx.Err()
	}
	t.classes = t.targets.Classes()
	mode := d.variation.askedIn()
	if err := d.checkLabels(ctx); err != nil || !mode.online && !((d.session || d.recipe.Train.Seeds > 1) && mode.views > 0) {
		return err
	}
	stays, t.open = true, &asker{model: model, close: closeTeacher}
	if mode.online {
		return d.goOnline(ctx)
	}
	return nil
}

// teacherLatency times the model on the first test row.
func (d *run) teacherLatency(ctx context.Context, model teacher.Model) (l [2]ort.Latency, err error) {
	var row dataset.Batch
	if err := d.data.Test.Read(ctx, []int{0}, &row); err != nil {
		return l, err
	}
	return model.Latency(ctx, &row, d.env.timeFor())
}

// learnAlone settles what a teacher would: task and classes are those of the labels.
func (d *run) learnAlone(_ context.Context, t *taught) error {
	spec := d.data.Transfer.Spec()
	if !spec.Labelled() || d.data.Labelled.Len() == 0 {
		return fault.New(fault.Input, d.recipe.Data.Train, "labels", "no row has one, and no teacher is named: nothing would be learned")
	}
	t.name = "labels"
	t.classes = max(len(spec.Classes), len(spec.Targets))
	return d.settleTask(spec.Task, t.classes)
}

// probeRows are the rows that a teacher's contract is detected on: labelled
// ones where there are any.
func (d *run) probeRows() dataset.Source {
	if r := d.recipe.Data; d.data.whole != nil && d.data.whole.Spec().Labelled() && r.Labelled == 0 && r.Limit == 0 {
		return d.data.whole // as kdonnx targets does, so that both conclude the same
	}
	if d.data.Labelled.Len() > 0 {
		return d.data.Labelled
	}
	return d.data.Transfer
}

// openStore uses the store that the recipe names, without a teacher.
func (d *run) openStore(ctx context.Context, t *taught) (err error) {
	dir := d.recipe.Teacher.Store
	if dir == "" {
		return fault.New(fault.Usage, "", "--teacher", "missing: name the .onnx file that teaches, or a store of its targets by --targets")
	}
	if t.targets, err = store.Open(dir); err != nil {
		return err
	}
	t.name = filepath.Base(dir)
	t.classes = t.targets.Classes()
	if err := d.settleTask(dataset.Task(t.targets.Key().Task), t.classes); err != nil {
		return err
	}
	for i := range d.recipe.Train.Seeds {
		if err := d.holdsViews(ctx, t, d.recipe.Train.Seed+uint64(i)); err != nil {
			return err
		}
	}
	if t.test, err = t.covers(ctx, d.data.Test); err != nil {
		return err
	}
	return d.checkLabels(ctx)
}

// covers is the store of targets when it holds every row of src, else nil.
func (t *taught) covers(ctx context.Context, src dataset.Source) (*store.Store, error) {
	lacking := errors.New("a row is missing")
	err := dataset.EachID(ctx, src, func(ids []dataset.RowID) error {
		i, err := t.targets.FirstMissing(ids)
		if err == nil && i >= 0 {
			err = lacking
		}
		return err
	})
	switch err {
	case nil:
		return t.targets, nil
	case lacking:
		return nil, nil
	}
	return nil, err
}

// ahead is the store that the recipe names when it was filled before, by the
// same teacher on these rows and perhaps others; else nil.
func (d *run) ahead(ctx context.Context, model teacher.Model, src dataset.Source) (*store.Store, error) {
	dir := d.recipe.Teacher.Store
	if dir == "" {
		return nil, nil
	}
	s, err := store.Open(dir)
	if err != nil { // Fill goes on with what can be gone on with, and names what cannot
		return nil, nil
	}
	if !model.Answers(s.Key()) {
		return nil, s.Close()
	}
	found, err := (&taught{targets: s}).covers(ctx, src)
	if found != nil {
		d.env.log(fmt.Sprintf("targets: %d rows of %d logits were in %s", s.Len(), s.Classes(), dir))
	}
	return found, err
}

// fill asks model about every row of src, into dir or into the cache folder
// that belongs to what is asked.
func (d *run) fill(ctx context.Context, model teacher.Model, src dataset.Source, dir string) (*store.Store, error) {
	if dir == "" {
		key, err := model.Key(ctx, src)
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(d.env.Cache, "targets", key.Hash())
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fault.New(fault.IO, dir, "", "cannot create: %w", err)
	}
	s, err := model.Fill(ctx, src, dir, teacher.FillOptions{
		Repair:  d.recipe.Teacher.Repair,
		Members: filepath.Join(d.env.Cache, "targets"),
		Progress: func(done, total int) {
			if d.env.TeacherMemory != nil {
				d.env.TeacherMemory(model.Memory())
			}
			d.env.Progress.report(RoleTeacher, int64(done), int64(total), nil)
		},
		Restarted: func(batch string, err error) { d.note("teacher: " + batch + ", restarted and went on: " + err.Error()) },
	})
	if err != nil {
		return nil, err
	}
	if ran := model.Stats(); ran.Rows > 0 {
		d.env.log("teacher: " + ran.String())
	}
	what := "logits"
	if s.Key().Task == dataset.Regression.String() {
		what = "values"
	}
	d.env.log(fmt.Sprintf("targets: %d rows of %d %s in %s", s.Len(), s.Classes(), what, dir))
	return s, nil
}

// checkLabels refuses labels that the teacher has no class for.
func (d *run) checkLabels(ctx context.Context) error {
	for _, s := range d.given() {
		labels, err := dataset.Labels(ctx, s.src)
		if err != nil {
			return err
		}
		for i, y := range labels {
			if int(y) >= d.teacher.classes {
				return fault.New(fault.Input, s.path, fmt.Sprintf("row %d", i), "label %d, but the teacher knows the %d classes 0 to %d",
					y, d.teacher.classes, d.teacher.classes-1)
			}
		}
	}
	return nil
}
