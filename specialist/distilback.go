package specialist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// controlName is for people the same net as a student, taught by the generalist
// alone.
const controlName = "control"

// follow makes the students one after the other. Those that are done stay done.
func (d *distilling) follow(ctx context.Context) error {
	if err := d.sameDistil(ctx); err != nil {
		return err
	}
	for i := range d.students {
		s, err := d.load(i)
		if s == nil && err == nil {
			if s, err = d.learn(ctx, i); err == nil {
				err = d.finish(i, s)
			}
		}
		if err != nil {
			return err
		}
		d.result.Students = append(d.result.Students, s)
	}
	return nil
}

// learn trains student i and its control.
func (d *distilling) learn(ctx context.Context, i int) (*Back, error) {
	env := d.envOf(i)
	control, err := d.control(ctx, i, env)
	if err != nil {
		return nil, err
	}
	run, err := distill.Run(ctx, d.recipeOf(i), env)
	if err != nil {
		return nil, err
	}
	s := &Back{Arch: run.Provenance.Architecture, Params: run.Student.Params, FLOPs: run.Student.FLOPs, Student: bare(run.Student.Result), AgainstHard: run.Verdict.McNemar, Parity: run.Parity, Files: run.Files}
	if run.Baseline != nil {
		s.Hard = bare(run.Baseline.Result)
	}
	block, err := control.Test(ctx)
	if err != nil {
		return nil, err
	}
	s.Control = bare(block.Result)
	s.AgainstControl, err = d.compare(ctx, control, run.Files.Model)
	return s, err
}

// control is the same net as student i, taught by the generalist alone.
func (d *distilling) control(ctx context.Context, i int, env distill.Env) (*distill.Trained, error) {
	r := d.session.Recipe()
	r.Student = d.plan.Recipe.Student
	r.Student.Arch = d.students[i]
	return d.session.Train(ctx, distill.Trial{Recipe: r, Role: distill.RoleStudent, Dir: filepath.Join(d.work, strconv.Itoa(i)),
		Log: func(line string) { env.Log(controlName + ": " + line) },
		Progress: func(_ string, done, total int64, last *distill.EpochRecord) {
			if env.Progress != nil {
				env.Progress(controlName, done, total, last)
			}
		}})
}

// compare tells how control (A) and student (B) answer the labelled test rows.
func (d *distilling) compare(ctx context.Context, control *distill.Trained, student string) (metrics.Paired, error) {
	test := d.session.Data().Test
	t := d.session.Recipe().Teacher
	t.Model = student
	m, err := distill.OpenModel(ctx, distill.EngineNative, t, test, d.result.TestRows, d.env.Cache)
	if err != nil {
		return metrics.Paired{}, err
	}
	defer m.Close()
	var right [2][]bool
	for k, each := range []func(f func(z []float32) error) error{
		func(f func(z []float32) error) error { return control.Outputs(ctx, test, f) },
		func(f func(z []float32) error) error { return distill.EachOutput(ctx, m, test, f) },
	} {
		i := 0
		if err := each(func(z []float32) error {
			if y := d.labels[i]; y != dataset.Unlabelled {
				right[k] = append(right[k], metrics.Argmax(z) == int(y))
			}
			i++
			return nil
		}); err != nil {
			return metrics.Paired{}, err
		}
	}
	return metrics.McNemar(right[0], right[1]), nil
}

// envOf has the student's name before each line where there are several.
func (d *distilling) envOf(i int) distill.Env {
	env, before := d.env, ""
	if len(d.students) > 1 {
		before = folderName(d.students[i]) + ": "
	}
	env.Log = func(line string) { d.log(before + line) }
	return env
}

// sameDistil refuses what is left of other students, rows or settings, and marks
// what is made as of these.
func (d *distilling) sameDistil(ctx context.Context) (err error) {
	var id durable.Identity
	if id.Plan, err = d.plan.Recipe.KeyValues("student", "loss", "train"); err != nil {
		return err
	}
	delete(id.Plan, "student.arch") // others may join
	if id.Plan["ensemble"], err = onnx.Digest(d.teacher); err != nil {
		return err
	}
	if id.Rows, err = d.session.Identity(ctx); err != nil {
		return err
	}
	return id.Hold(filepath.Join(d.work, "distil.id"), "other students")
}

// backRecord is what is kept of student i until all are done.
type backRecord struct {
	Arch    string `json:"arch"`
	From    string `json:"from,omitempty"` // digest of the file that it began as
	Digest  string `json:"digest"`         // of its model
	Student *Back  `json:"student"`
}

func (d *distilling) recordOf(i int) string {
	return filepath.Join(d.work, folderName(d.students[i])+".json")
}

// newRecord is the record of student i.
func (d *distilling) newRecord(i int, s *Back) (r *backRecord, err error) {
	r = &backRecord{Arch: d.students[i], Student: s}
	if file := (distill.StudentRecipe{Arch: r.Arch}).File(); file != "" {
		if r.From, err = onnx.Digest(file); err != nil {
			return nil, err
		}
	}
	r.Digest, err = onnx.Digest(s.Files.Model)
	return r, err
}

// load is what came of student i; nil when it is to be made.
func (d *distilling) load(i int) (*Back, error) {
	text, err := os.ReadFile(d.recordOf(i))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.IO, d.recordOf(i), "", "cannot read: %w", err)
	}
	var had backRecord
	if err := json.Unmarshal(text, &had); err != nil || had.Student == nil {
		d.log(d.recordOf(i) + ": not a record of a student, which is made again")
		return nil, nil
	}
	if now, err := d.newRecord(i, had.Student); err != nil || now.Arch != had.Arch || now.From != had.From || now.Digest != had.Digest {
		d.log(fmt.Sprintf("%s: missing, or not the model that was made here, which is made again", had.Student.Files.Model))
		return nil, nil
	}
	return had.Student, nil
}

// finish writes the record of student i.
func (d *distilling) finish(i int, s *Back) error {
	s.judge(d.result)
	r, err := d.newRecord(i, s)
	if err != nil {
		return err
	}
	return durable.WriteJSON(d.recordOf(i), r)
}
