package specialist

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/graph"
)

// generalistName is the bundle's generalist without its ending.
const generalistName = "generalist"

// choose settles whether specialists begin with the generalist's own weights,
// and makes it the recipe's student where they do.
func (f *fleet) choose() error {
	r := &f.plan.Recipe
	if r.Student.File() != "" {
		return fault.New(fault.Usage, "", "--student", "got %q, expected an architecture, for a generalist that cannot be trained", r.Student.Arch)
	}
	why, err := untrainable(r.Teacher)
	if err != nil {
		return err
	}
	if f.distilled = why != ""; f.distilled {
		f.note(fmt.Sprintf("the generalist cannot be trained (%s): specialists begin from a student of it, which is the bundle's generalist", why))
		return nil
	}
	r.Student = distill.StudentRecipe{Arch: r.Teacher.Model, Prep: r.Student.Prep, Freeze: r.Student.Freeze}
	if r.Student.Prep == "" {
		r.Student.Prep = r.Teacher.Prep
	}
	return nil
}

// untrainable says why specialists cannot begin with the weights of a
// generalist; empty: they can. A file that cannot be read is an error.
func untrainable(t distill.TeacherRecipe) (string, error) {
	files, err := t.Models()
	switch {
	case err != nil:
		return "", err
	case len(files) != 1 || files[0] != t.Model:
		return fmt.Sprintf("it is an ensemble of %d", len(files)), nil
	case t.Model == distill.Embedded:
		return "it is the embedded one", nil
	case t.Output != "" || t.ClassMap != "" || len(t.Before) > 0:
		return "its inputs or outputs are mapped", nil
	}
	m, err := onnx.Read(t.Model, onnx.ReadOptions{Weights: true, Strict: true})
	if err != nil {
		return "", err
	}
	student.DropSoftmax(m)
	if _, err := student.FromModel(m, t.Model); err != nil {
		return short(err), nil
	}
	if err := models.Specialise(m, []int{0}); err != nil {
		return short(err), nil
	}
	return "", nil
}

// short is an error without the end of a long list.
func short(err error) string {
	const most = 200
	if text := []rune(err.Error()); len(text) > most {
		return string(text[:most]) + "…"
	}
	return err.Error()
}

// begin writes the generalist that specialists begin from, unless it is there.
func (f *fleet) begin(ctx context.Context) error {
	f.generalist = f.at(f.file(generalistName))
	r := &Record{Index: -1}
	err := f.once(ctx, generalistName, generalistName, r, func(dir, path string) error { return f.prime(ctx, r, dir, path) })
	if err == nil && f.distilled {
		f.first = r
	}
	return err
}

// prime makes that generalist, and fills its record.
func (f *fleet) prime(ctx context.Context, r *Record, dir, path string) (err error) {
	trial := distill.Trial{Recipe: f.session.Recipe(), Role: distill.RoleStudent, Dir: dir, Log: f.env.Log, Progress: f.env.Progress}
	var net *distill.Trained
	if f.distilled {
		net, err = f.session.Train(ctx, trial)
	} else if net, err = f.session.Begin(ctx, trial); err == nil {
		err = f.sameAnswers(ctx, net)
	}
	if err != nil {
		return err
	}
	*r = Record{Index: -1, File: filepath.Base(path), Epochs: len(net.History), BestAt: net.BestAt, Visits: int64(len(net.History)) * int64(net.Epoch)}
	for _, e := range net.History {
		r.Seconds += e.Seconds
	}
	return net.Export(ctx, path, nil)
}

// comparedRows is how many rows the generalist must answer alike in both of its
// parts, and comparedWithin how near the probabilities are.
const (
	comparedRows   = 256
	comparedWithin = 1e-3
)

// sameAnswers refuses a generalist that answers otherwise as the net which is
// trained than as the teacher whose answers are learnt: with its classes in
// another order than the rows', say, or with other preprocessing.
func (f *fleet) sameAnswers(ctx context.Context, net *distill.Trained) error {
	rows := make([]int, min(comparedRows, f.train.src.Len()))
	for i := range rows {
		rows[i] = i
	}
	src := dataset.Subset(f.train.src, rows)
	var native [][]float64
	if err := net.Outputs(ctx, src, func(z []float32) error { native = append(native, probabilities(z)); return nil }); err != nil {
		return err
	}
	i := 0
	return f.session.Answers(ctx, src, func(z []float32) error {
		for k, p := range probabilities(z) {
			if d := math.Abs(p - native[i][k]); !(d <= comparedWithin) {
				return fault.New(fault.Input, f.plan.Recipe.Teacher.Model, fmt.Sprintf("row %d", i),
					"gives %q the probability %.4f as the net to train and %.4f as the generalist to learn from, expected the same: its classes in the order of the rows', and its preprocessing named by --student-preprocess", f.plan.Sets.Classes[k], native[i][k], p)
			}
		}
		i++
		return nil
	})
}

// probabilities are the softmax of z.
func probabilities(z []float32) []float64 {
	p, sum, top := make([]float64, len(z)), 0.0, float64(slices.Max(z))
	for i, v := range z {
		p[i] = math.Exp(float64(v) - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// start writes the net that a specialist begins as.
func (f *fleet) start(t *training, path string) error {
	m, err := onnx.Read(f.generalist, onnx.ReadOptions{Weights: true})
	if err != nil {
		return err
	}
	if t.head == Dustbin {
		if err := models.Specialise(m, t.set); err != nil {
			return fault.At(f.generalist, err)
		}
	}
	if err := models.AddBias(m, t.bias(-t.correction())); err != nil {
		return fault.At(f.generalist, err)
	}
	m.Metadata = slices.DeleteFunc(m.Metadata, func(e onnx.Entry) bool { return e.Key != distill.MetaVersion && e.Key != graph.FrozenKey })
	return onnx.Write(path, m)
}
