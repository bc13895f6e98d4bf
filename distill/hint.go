package distill

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// hints are the values of a place inside the teacher for every row that is
// learned from, and what they are like over these.
type hints struct {
	value   string // of the teacher
	targets *store.Store
	shape   []int     // of one row
	mean    []float32 // of each value
	std     float64   // root of the mean of the values' variances
}

// hintNames are the places of teacher and student that a hint joins; ok is
// false where there is no hint.
func (l LossRecipe) hintNames() (teacher, student string, ok bool) {
	at := strings.LastIndex(l.Hint, "=")
	if at < 0 {
		return "", "", false
	}
	return l.Hint[:at], l.Hint[at+1:], true
}

// checkHint refuses a hint that cannot be followed, as far as the recipe alone
// tells.
func (r *Recipe) checkHint() error {
	l := &r.Loss
	if err := loss.CheckHintWeight(l.HintWeight); err != nil {
		return err
	}
	teacher, student, ok := l.hintNames()
	switch {
	case l.HintEpochs < 0 || l.HintEpochs > 1e6:
		return fault.New(fault.Usage, "", "--hint-epochs", "got %d, expected a number from 0 (all) to 1000000", l.HintEpochs)
	case l.Hint == "" && (l.HintTargets != "" || l.HintEpochs != 0 || l.HintWeight != Default().Loss.HintWeight):
		return fault.New(fault.Usage, "", "--hint", "missing: --hint-weight, --hint-epochs and --hint-targets say more of one, expected TEACHER_VALUE=STUDENT_VALUE")
	case l.Hint == "":
		return nil
	case !ok || teacher == "" || student == "":
		return fault.New(fault.Usage, "", "--hint", "got %q, expected TEACHER_VALUE=STUDENT_VALUE; kdonnx inspect --values lists the teacher's, kdonnx list values %s the student's", l.Hint, r.Student.Arch)
	case !r.taught():
		return fault.New(fault.Usage, "", "--hint", "got %q and no teacher, expected one to take the hint from", l.Hint)
	case r.Student.searched():
		return fault.New(fault.Usage, "", "--hint", "got %q and a student to search within a budget, expected one of given sizes: the nets of a family have other values", l.Hint)
	case !r.Teacher.Named() && l.HintTargets == "":
		return fault.New(fault.Usage, "", "--hint", "got %q and no teacher's model, expected --hint-targets, a store that kdonnx targets --teacher-output %s --teacher-task regression has filled", l.Hint, teacher)
	}
	return nil
}

// askHint fills the store of the hint's targets, or opens the one that is there
// already, and finds what they are like.
func (d *run) askHint(ctx context.Context) (err error) {
	from, _, ok := d.recipe.Loss.hintNames()
	if !ok {
		return nil
	}
	h := &hints{value: from}
	if dir := d.recipe.Loss.HintTargets; dir != "" {
		h.targets, err = d.openHint(dir, from)
	} else {
		h.targets, err = d.fillHint(ctx, from)
	}
	if err != nil {
		return err
	}
	key := h.targets.Key()
	if h.shape = []int{key.Classes}; len(key.Shape) > 0 {
		h.shape = nil
		for _, n := range key.Shape {
			h.shape = append(h.shape, int(n))
		}
	}
	if err := h.look(ctx, d.data.Transfer); err != nil {
		return err
	}
	d.teacher.hint = h
	return nil
}

// openHint opens a store that was filled ahead.
func (d *run) openHint(dir, value string) (*store.Store, error) {
	s, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	key := s.Key()
	if key.Task != dataset.Regression.String() || key.Output != value {
		return nil, fault.New(fault.Input, dir, "output", "the store holds %s of %q, expected values of %q: kdonnx targets --teacher-output %s --teacher-task regression fills one",
			key.Kind, key.Output, value, value)
	}
	if mine := d.teacher.key().Teacher; mine != key.Teacher {
		d.note(fmt.Sprintf("hint: %s is of another model than the one that gives the logits", dir))
	}
	return s, nil
}

// fillHint asks the teacher for the values of a place inside it, about the rows
// that are learned from.
func (d *run) fillHint(ctx context.Context, value string) (*store.Store, error) {
	asked := d.recipe.Teacher
	asked.Output, asked.Kind, asked.Task, asked.ClassMap = value, "auto", dataset.Regression.String(), ""
	if strings.HasPrefix(asked.StoreDType, "topk") { // the largest are no substitute for numbers
		asked.StoreDType = ""
	}
	model, stop, err := OpenTeacher(ctx, &asked, d.env.Cache)
	if err != nil {
		return nil, err
	}
	defer stop()
	model.NameRows(d.recipe.Data.Train)
	c, err := model.Detect(ctx, d.probeRows())
	if err != nil {
		return nil, err
	}
	if c.Kind != "values" {
		return nil, fault.New(fault.Input, asked.Model, "output "+value, "gives %s, expected numbers to take a hint from", c.Kind)
	}
	if own := d.teacher.contract; own != nil && !reflect.DeepEqual(own.Preprocess, c.Preprocess) {
		return nil, fault.New(fault.Input, asked.Model, "output "+value, "would be fed %s, the teacher's own output is fed %s: say by --teacher-preprocess which it is", c.Preprocess, own.Preprocess)
	}
	d.env.log(fmt.Sprintf("hint: teacher's %q, %d values a row, %.3g million in all to keep", value, c.Classes, float64(c.Classes)*float64(d.data.Transfer.Len())/1e6))
	return d.fill(ctx, model, d.data.Transfer, "")
}

// look takes mean and deviation of the values over the rows of src.
func (h *hints) look(ctx context.Context, src dataset.Source) error {
	sums := make([]welford, h.targets.Classes())
	var v []float32
	err := dataset.EachID(ctx, src, func(ids []dataset.RowID) error {
		if i, err := h.targets.FirstMissing(ids); err != nil {
			return err
		} else if i >= 0 {
			return fault.New(fault.Integrity, h.targets.Dir(), "row "+ids[i].String(), "is not in the store of the hint's targets")
		}
		v = grow(v, len(ids)*len(sums))
		if err := h.targets.Lookup(ids, v); err != nil {
			return err
		}
		for i, x := range v {
			sums[i%len(sums)].add(float64(x))
		}
		return nil
	})
	variance := 0.0
	for _, s := range sums {
		h.mean = append(h.mean, float32(s.mean))
		variance += s.around / max(1, s.n)
	}
	h.std = math.Sqrt(variance / float64(len(sums)))
	return err
}

// identity is what a run with the hint depends on.
func (h *hints) identity(l LossRecipe) map[string]string {
	return map[string]string{"hint": l.Hint, "hint weight": fmt.Sprint(l.HintWeight), "hint epochs": strconv.Itoa(l.HintEpochs),
		"hint targets": h.targets.Content(), "hint shape": fmt.Sprint(h.shape)}
}
