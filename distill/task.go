package distill

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// settleTask makes the task that the teacher teaches, with so many classes,
// labels or numbers, that of the run, and refuses rows whose labels are of
// another, and a loss that is not for it.
func (d *run) settleTask(task dataset.Task, classes int) error {
	for _, s := range d.given() {
		if err := sameTask(s.src.Spec(), task, classes); err != nil {
			return fault.At(s.path, err)
		}
	}
	if asked, ok, err := dataset.ParseTask(d.recipe.Data.Task); err != nil || ok && asked != task {
		return fault.New(fault.Usage, "", "--task", "got %s, but the teacher is of %s", asked, task)
	}
	d.task = task
	return d.settleLoss(classes)
}

// settleLoss names the loss that the task has unless another is asked for, and
// refuses one that is of another task or learns nothing of so many outputs.
func (d *run) settleLoss(outputs int) (err error) {
	l := &d.recipe.Loss
	if l.Name == "auto" {
		l.Name = loss.Default(d.task)
	}
	if v := d.variation; v != nil && v.mixer != nil {
		if v.mixer, err = loss.NewMixer(d.task, l.Temperature); err != nil {
			return err
		}
	}
	return loss.Suits(l.Name, d.task, outputs)
}

// expects is the task as far as it is known before the teacher: the one that
// is asked for, or that of the labels.
func (d *run) expects() dataset.Task {
	if task, asked, err := dataset.ParseTask(d.recipe.Data.Task); asked && err == nil {
		return task
	}
	return d.data.Transfer.Spec().Task
}

// given are the rows that may have labels, with their arguments.
func (d *run) given() (list []givenRows) {
	for _, s := range []givenRows{{d.recipe.Data.Train, d.data.whole}, {d.recipe.Data.Val, d.data.Val}, {d.recipe.Data.Test, d.data.Test}} {
		if s.src != nil {
			list = append(list, s)
		}
	}
	return list
}

type givenRows struct {
	path string
	src  dataset.Source
}

// sameTask refuses labels of rows that outputs of the task cannot be held
// against. Rows without labels go with any.
func sameTask(spec dataset.Spec, task dataset.Task, classes int) error {
	switch {
	case !spec.Labelled():
		return nil
	case spec.Task != task && task == dataset.MultiClass:
		return fault.New(fault.Input, "", "labels", "the rows are of %s, the model gives %d classes: --task %s reads a column of classes", spec.Task, classes, task)
	case spec.Task != task:
		return fault.New(fault.Input, "", "labels", "the rows are of %s, the model of %s: --task %s reads the labels as that", spec.Task, task, task)
	case task != dataset.MultiClass && len(spec.Targets) != classes:
		return fault.New(fault.Input, "", "labels", "the rows have %d to predict (%q), the model gives %d: --label names their columns", len(spec.Targets), spec.Targets, classes)
	}
	return nil
}

// orNumbers adds to a fault of a teacher's output, whose rows have many classes
// that are all numbers, that these may be numbers to predict.
func orNumbers(err error, spec dataset.Spec) error {
	var f *fault.Error
	text := slices.ContainsFunc(spec.Classes, func(name string) bool {
		_, err := strconv.ParseFloat(name, 64)
		return err != nil
	})
	if text || len(spec.Classes) < 3 || !errors.As(err, &f) || f.Kind != fault.Input || !strings.HasPrefix(f.Field, "output") {
		return err
	}
	return fault.New(f.Kind, f.Path, f.Field, "%s; where the labels are numbers to predict: --task %s", f.Msg, dataset.Regression)
}

// unitsOfNumbers are mean and deviation of each number to predict; nil for
// other tasks.
func (d *run) unitsOfNumbers(ctx context.Context) (mean, std []float32, err error) {
	if d.task != dataset.Regression {
		return nil, nil, nil
	}
	return d.targetScale(ctx)
}

// targetScale is mean and deviation of each number to predict over the rows
// that are learned from: of what the teacher says and of what is known. One
// that is always the same has a deviation of 1.
func (d *run) targetScale(ctx context.Context) (mean, std []float32, err error) {
	r, err := openRows(ctx, d.asked(), nil, d.teacher.targets, d.task, d.teacher.classes)
	if err != nil {
		return nil, nil, err
	}
	sums := make([]welford, r.classes)
	err = eachBatch(ctx, r, func(m *mini) error {
		for _, v := range [][]float32{m.teacher, m.values} {
			for i, x := range v {
				if x == x {
					sums[i%r.classes].add(float64(x))
				}
			}
		}
		return nil
	})
	for _, s := range sums {
		deviation := float32(math.Sqrt(s.around / max(1, s.n)))
		if deviation == 0 {
			deviation = 1
		}
		mean, std = append(mean, float32(s.mean)), append(std, deviation)
	}
	return mean, std, err
}

// welford is the mean of numbers, and the sum of squares around it.
type welford struct{ n, mean, around float64 }

func (w *welford) add(x float64) {
	w.n++
	from := x - w.mean
	w.mean += from / w.n
	w.around += float64(from * (x - w.mean))
}

// chosenBy is what the best epoch is chosen by, the more the better, and what
// breaks a tie, the less the better: accuracy, micro-F1 or R², or agreement
// with the teacher where no row has a label; and the log loss, or for numbers
// the error.
func chosenBy(r metrics.Result) (score, loss float64, err error) {
	score, loss = r.Accuracy, r.NLL
	switch r.Task {
	case dataset.MultiLabel:
		score = r.MicroF1
	case dataset.Regression:
		score, loss = r.R2, r.RMSE
		if r.Labelled == 0 {
			loss = r.TeacherRMSE
		}
	}
	if r.Labelled == 0 {
		score = r.Agreement
	}
	if math.IsNaN(score) || math.IsNaN(loss) {
		return 0, 0, errors.New("the outputs on the validation rows are not numbers")
	}
	return score, loss, nil
}

// chosenName is what chosenBy chooses by, in words; "" is accuracy.
func chosenName(task dataset.Task) string {
	switch task {
	case dataset.MultiLabel:
		return "micro-F1"
	case dataset.Regression:
		return "R²"
	}
	return ""
}

// targetNames are the data's names of the labels or numbers to predict, else
// the teacher's, else their numbers.
func (d *run) targetNames() []string {
	if names := d.data.Transfer.Spec().Targets; len(names) == d.teacher.classes {
		return slices.Clone(names)
	}
	return d.teacherNames()
}
