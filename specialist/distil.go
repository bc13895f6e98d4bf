package specialist

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// OwnNet is the student that begins as the bundle's generalist, with its weights.
const OwnNet = "generalist"

// ensembleFile is the bundle as one model, in DistilPlan.Dir.
const ensembleFile = "ensemble.onnx"

// DistilPlan is what Distil does.
type DistilPlan struct {
	// Recipe has rows, loss, training and outputs of the students; its teacher is
	// set by Distil, but for how it is run. Its student is one, or several between
	// semicolons: architectures, files, or OwnNet (which auto stands for).
	Recipe distill.Recipe
	Bundle *Bundle
	Dir    string // where the bundle lies as one file, which is the teacher; empty: beside the student
}

// DefaultDistilRecipe is that of a student which generalist and specialists are
// distilled back into: their answers at T = 1, at which they were fused, and the
// labels weigh the same. No rows are held out of those given: generalist and
// specialists have learned from them, so that a student which begins as the
// generalist looks best on them before its first step.
func DefaultDistilRecipe() distill.Recipe {
	r := DefaultRecipe()
	r.Train.Epochs, r.Data.ValSplit = 60, 0
	return r
}

// distilling is the state of one Distil.
type distilling struct {
	plan     DistilPlan
	env      distill.Env
	students []string // architectures and files
	work     string   // of the controls: their checkpoints, and what came of students that are done
	teacher  string   // the bundle in one file
	session  *distill.Session
	labels   []int32 // of the test rows
	result   *Distilled
}

// Distil teaches students what generalist and specialists say together: the bundle
// becomes one .onnx file (Export), which is the teacher of an ordinary distill.Run
// for each student. Beside each, the same net learns with the same loss, start,
// steps and rows from the generalist alone, so that what longer training gives is
// not taken for what the specialists know.
//
// The paper names this as what it had "not yet shown" (section 5).
//
// The same call goes on where another was ended.
func Distil(ctx context.Context, p DistilPlan, env distill.Env) (*Distilled, error) {
	began := time.Now()
	d := &distilling{plan: p, env: env, result: &Distilled{}}
	if err := d.prepare(); err != nil {
		return nil, err
	}
	lock, err := durable.TryLock(filepath.Join(d.work, "lock"))
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	for _, step := range []func(context.Context) error{d.open, d.assemble, d.judge, d.follow} {
		if err = step(ctx); err != nil {
			break
		}
	}
	if d.session != nil {
		d.session.Close()
	}
	if err != nil {
		if entries, e := os.ReadDir(d.work); e == nil && len(entries) == 1 { // the lock: there is nothing to go on from
			os.RemoveAll(d.work)
		}
		return nil, distill.Interrupted(ctx, err)
	}
	if err := os.RemoveAll(d.work); err != nil {
		return nil, fault.New(fault.IO, d.work, "", "cannot be removed: %w", err)
	}
	d.result.WallS = time.Since(began).Seconds()
	return d.result, nil
}

// prepare checks all that can be checked before rows are opened.
func (d *distilling) prepare() error {
	r, b := &d.plan.Recipe, d.plan.Bundle
	budget, err := r.Student.Budget()
	switch {
	case err != nil:
		return err
	case !budget.IsZero():
		return fault.New(fault.Usage, "", "--student", "got a budget, expected students by name or file: kdonnx distill --teacher %s searches within one", ensembleFile)
	case r.Train.Seeds != 1:
		return fault.New(fault.Usage, "", "--seeds", "got %d, expected 1", r.Train.Seeds)
	case r.Loss.Hint != "":
		return fault.New(fault.Usage, "", "--hint", "got %q, expected none: the generalist alone could not give it", r.Loss.Hint)
	case r.Output.Model == "":
		return fault.New(fault.Usage, "", "-o", "empty: name the student's file")
	}
	for _, m := range b.members() {
		if sameFile(r.Output.Model, b.Path(*m)) {
			return fault.New(fault.Usage, r.Output.Model, "-o", "is a model of the bundle, expected another file")
		}
	}
	base := strings.TrimSuffix(r.Output.Model, ".onnx")
	if d.plan.Dir == "" {
		d.plan.Dir = filepath.Dir(base)
	}
	d.teacher, d.work = filepath.Join(d.plan.Dir, ensembleFile), base+".distil"
	if err := d.list(); err != nil {
		return err
	}
	if err := export.Ready(r.Teacher.Library); err != nil {
		return err
	}
	if r.Output.Restart {
		if err := os.RemoveAll(d.work); err != nil {
			return fault.New(fault.IO, d.work, "", "cannot begin anew: %w", err)
		}
	}
	for _, dir := range []string{d.plan.Dir, d.work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fault.New(fault.IO, dir, "", "cannot create: %w", err)
		}
	}
	return durable.Writable(d.teacher)
}

// list reads which students there are to be, each checked with its recipe.
func (d *distilling) list() error {
	r, b := d.plan.Recipe, d.plan.Bundle
	places := map[string]string{}
	for _, text := range strings.Split(r.Student.Arch, ";") {
		text = strings.TrimSpace(text)
		if text == "auto" || text == OwnNet {
			text = b.Path(b.Generalist)
		}
		d.students = append(d.students, text)
	}
	if o := r.Output; len(d.students) > 1 {
		for _, given := range [][2]string{{"--report", o.Report}, {"--metrics", o.Metrics}, {"--csv", o.CSV}, {"--stream", o.Stream}, {"--tensorboard", o.TensorBoard}} {
			if given[1] != "" {
				return fault.New(fault.Usage, "", given[0], "got %q with %d students, expected it with one: each has its files in a folder of its own", given[1], len(d.students))
			}
		}
	}
	for i, arch := range d.students {
		own := d.recipeOf(i)
		if other, twice := places[own.Output.Model]; twice && len(d.students) > 1 {
			return fault.New(fault.Usage, "", "--student", "%s and %s would both be %s, expected students of different names", other, arch, own.Output.Model)
		}
		places[own.Output.Model] = arch
		if err := own.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// recipeOf is the run of student i. Of several each has a folder of its own, beside
// where the only one would be.
func (d *distilling) recipeOf(i int) distill.Recipe {
	r := d.taughtBy(d.teacher, "probabilities")
	r.Student.Arch = d.students[i]
	if len(d.students) > 1 {
		r.Output.Model = filepath.Join(filepath.Dir(r.Output.Model), folderName(d.students[i]), filepath.Base(r.Output.Model))
	}
	return r
}

// folderName is a student's name without what files may not have in theirs.
func folderName(arch string) string {
	if strings.HasSuffix(strings.ToLower(arch), ".onnx") {
		arch = filepath.Base(arch[:len(arch)-len(".onnx")])
	}
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(`/\:,?&=;*"<>| `, c) {
			return '-'
		}
		return c
	}, arch)
}

// taughtBy is the recipe with another teacher, which takes rows as they are and
// whose outputs are of that kind; how it is run stays.
func (d *distilling) taughtBy(model, kind string) distill.Recipe {
	r := d.plan.Recipe
	batch := r.Teacher.Batch
	r.Teacher.ModelRecipe, r.Teacher.Ensemble = distill.Default().Teacher.ModelRecipe, nil
	r.Teacher.Model, r.Teacher.Kind, r.Teacher.Task, r.Teacher.Input, r.Teacher.Batch = model, kind, dataset.MultiClass.String(), "raw", batch
	return r
}

// open opens the rows, and asks the generalist about them: the controls learn from
// it.
func (d *distilling) open(ctx context.Context) (err error) {
	b := d.plan.Bundle
	r := d.taughtBy(b.Path(b.Generalist), "logits")
	r.Student.Arch, r.Teacher.Store, r.Teacher.Doctor = d.students[0], "", false
	env := d.env
	env.Latency = time.Millisecond // nobody asks how fast the generalist is
	if d.session, err = distill.Open(ctx, r, env); err != nil {
		return err
	}
	if err := d.sameRows(); err != nil {
		return err
	}
	d.result.TestRows = d.session.Data().TestIs
	d.labels, err = dataset.Labels(ctx, d.session.Data().Test)
	return err
}

// sameRows wants rows to be of the bundle's classes, in their order, and tables to
// be coded as those that its models learned from.
func (d *distilling) sameRows() error {
	rows, b := d.plan.Recipe.Data.Train, d.plan.Bundle
	if task := d.session.Task(); task != dataset.MultiClass {
		return fault.New(fault.Input, rows, "task", "got %s, expected %s, as the bundle's", task, dataset.MultiClass)
	}
	if got := d.session.Classes(); !slices.Equal(got, b.Classes) {
		return fault.New(fault.Input, rows, "labels", "are of the classes %s, expected those of the bundle in their order: %s", names(got), names(b.Classes))
	}
	want, err := distill.RowsOf(b.Path(b.Generalist))
	if err != nil {
		return err
	}
	if got := d.session.Data().Transfer.Spec().Schema; !want.Schema.IsZero() && got.JSON() != want.Schema.JSON() {
		return fault.New(fault.Input, rows, "columns", "have other names, kinds or levels than those that the bundle's models learned from, expected rows like these")
	}
	return nil
}

// assemble puts the bundle into one file, unless it is there: one with these bytes
// has been proven.
func (d *distilling) assemble(ctx context.Context) error {
	data, err := inOneFile(d.plan.Bundle, d.teacher)
	if err != nil {
		return err
	}
	d.result.Teacher = d.teacher
	if was, err := os.ReadFile(d.teacher); err == nil && bytes.Equal(was, data) {
		return nil
	}
	rows := d.session.Data().Transfer
	p, err := Export(ctx, d.plan.Bundle, ExportOptions{Output: d.teacher, Rows: rows, RowsName: d.plan.Recipe.Data.Train, Library: d.plan.Recipe.Teacher.Library})
	if err == nil {
		d.log(fmt.Sprintf("ensemble: %s: parity with ONNX Runtime %s: %s", d.teacher, p.Library, p))
	}
	return err
}

// judge scores generalist and ensemble on the test rows, where these have labels.
func (d *distilling) judge(ctx context.Context) error {
	if !slices.ContainsFunc(d.labels, func(y int32) bool { return y != dataset.Unlabelled }) {
		return nil
	}
	test := d.session.Data().Test
	e, err := OpenEnsemble(ctx, d.plan.Bundle, EnsembleOptions{Rows: test, RowsName: d.result.TestRows})
	if err != nil {
		return err
	}
	defer e.Close()
	v, err := Evaluate(ctx, e, test)
	if err != nil {
		return fault.At(d.result.TestRows, err)
	}
	d.result.evaluated(v)
	d.log(fmt.Sprintf("ensemble: %d errors of %d test rows, the generalist alone %d", v.Ensemble.Errors, v.Ensemble.Labelled, v.Generalist.Errors))
	return nil
}

func (d *distilling) log(line string) {
	if d.env.Log != nil {
		d.env.Log(line)
	}
}
