package study

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/specialist"
)

// other is a model that is neither the generalist nor of its specialists.
type other struct {
	Name    string                `json:"name"`
	Part    report.ModelPart      `json:"part"`
	Files   []string              `json:"files"`   // .onnx, in the folder of its step; several answer together
	Digests []string              `json:"digests"` // of these
	Visits  int64                 `json:"visits,omitempty"`
	Control *specialist.Distilled `json:"control,omitempty"` // of a student: what else was found
	step    string
}

// close adds the digests of the files, which lie in dir.
func (o *other) close(dir string) error {
	o.Digests = nil
	for _, file := range o.Files {
		digest, err := onnx.Digest(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		o.Digests = append(o.Digests, digest)
	}
	return nil
}

// intact wants the files to be those that were made.
func (o *other) intact(dir string) error {
	for i, file := range o.Files {
		if err := intact(filepath.Join(dir, file), o.Digests[i]); err != nil {
			return err
		}
	}
	return nil
}

// distilBack makes the students of the ensemble.
func (s *seed) distilBack(ctx context.Context) error {
	for i, arch := range s.ask.Students {
		if err := s.student(ctx, i, arch); err != nil {
			return err
		}
	}
	return nil
}

// student makes one student, and beside it the same net taught by the
// generalist alone.
func (s *seed) student(ctx context.Context, i int, arch string) error {
	r := s.recipe
	r.Student.Arch = arch
	if arch == distill.SameStudent {
		r.Student.Arch, r.Student.Prep = specialist.OwnNet, ""
	}
	depends := map[string]string{"version": s.env.Version, "output.input_name": r.Output.InputName}
	for _, what := range []string{transferRows, labelledRows, validationRows} {
		depends[what] = s.rows[what]
	}
	s.bundleIs(depends)
	if err := s.keys(depends, r, "student", "loss", "train"); err != nil {
		return err
	}
	made, name := &other{}, fmt.Sprintf("student-%d", i)
	err := s.run(step{name: name, title: "student " + arch, depends: depends, result: made, intact: made.intact, do: func(dir string) error {
		r.Output = distill.OutputRecipe{Model: filepath.Join(dir, "student.onnx"), InputName: r.Output.InputName}
		env := s.env
		env.Progress, env.Log = s.whole.stages(func(name string, share float64) float64 {
			if name == distill.RoleStudent { // after the control
				share++
			}
			return (float64(i) + share/2) / float64(len(s.ask.Students))
		}), s.log
		d, err := specialist.Distil(ctx, specialist.DistilPlan{Recipe: r, Bundle: s.bundle, Dir: s.at(exportStep)}, env)
		if err != nil {
			return err
		}
		label := "student " + arch
		if arch == distill.SameStudent {
			label = "student from the generalist"
		}
		*made = other{Name: label, Part: report.DistilledPart, Files: []string{"student.onnx"}, Control: d}
		return made.close(dir)
	}})
	made.step = name
	s.others = append(s.others, made)
	return err
}

// rivals trains nets with as many parameters as generalist and specialists have.
func (s *seed) rivals(ctx context.Context) error {
	if !s.ask.Rivals {
		return nil
	}
	depends, err := s.learning("student", "loss", "train")
	if err != nil {
		return err
	}
	depends["params"] = fmt.Sprint(s.judged.Together.Params)
	var made struct {
		Others []*other `json:"rivals"`
		Notes  []string `json:"notes"`
	}
	err = s.run(step{name: rivalsStep, title: "rivals", depends: depends, result: &made,
		do: func(dir string) error {
			env := s.env
			env.Progress, env.Log = s.whole.stage(), s.log
			found, err := specialist.TrainRivals(ctx, specialist.RivalPlan{Recipe: s.recipe, Params: s.judged.Together.Params, Dir: dir, Parallel: s.ask.Parallel}, env)
			if fault.KindOf(err) == fault.Usage { // nets that cannot be had: the rest of the study is worth as much
				made.Notes = []string{"there are no rivals: " + err.Error()}
				return nil
			}
			if err != nil {
				return err
			}
			made.Notes = found.Notes
			for _, one := range found.Trained {
				o := &other{Name: fmt.Sprintf("%s, %s", one.Name, one.Arch), Part: report.RivalPart, Files: one.Files, Visits: one.Visits}
				if n := len(one.Files); n > 1 {
					o.Name = fmt.Sprintf("plain ensemble of %d × %s", n, one.Arch)
				}
				if err := o.close(dir); err != nil {
					return err
				}
				made.Others = append(made.Others, o)
			}
			return nil
		},
		intact: func(dir string) error {
			for _, o := range made.Others {
				if err := o.intact(dir); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	s.fleet.Notes = append(s.fleet.Notes, made.Notes...)
	for _, o := range made.Others {
		o.step = rivalsStep
		s.others = append(s.others, o)
	}
	return nil
}

// score has students and rivals answer the test rows.
func (s *seed) score(ctx context.Context) error {
	depends := map[string]string{testRows: s.rows[testRows], "version": s.env.Version}
	for _, o := range s.others {
		depends[o.Name] = strings.Join(o.Digests, " ")
	}
	return s.run(step{name: scoresStep, title: "scores", depends: depends, result: &s.scores, do: func(string) error {
		s.scores = map[string]timed{}
		for _, o := range s.others {
			var files []string
			for _, file := range o.Files {
				files = append(files, s.at(o.step, file))
			}
			one, err := s.scored(ctx, o.Name, files)
			if err != nil {
				return err
			}
			s.scores[o.Name] = one
		}
		return nil
	}})
}

// timed is a model on the test rows, with its latency where it is one file.
type timed struct {
	scored
	LatencyMS report.Number `json:"latency_ms"` // 0: not known
}

func (s *seed) scored(ctx context.Context, name string, files []string) (t timed, err error) {
	o := specialist.EnsembleOptions{Rows: s.data.Test, RowsName: s.data.TestIs, Library: s.recipe.Teacher.Library, Cache: s.env.Cache}
	classes := s.bundle.Classes
	r, err := specialist.OpenRival(ctx, name, files, classes, o)
	if err != nil {
		return t, err
	}
	defer r.Close()
	result, err := specialist.EvaluateRival(ctx, *r, s.data.Test, len(classes))
	if err != nil {
		return t, err
	}
	t.scored = scored{Cost: result.Cost, Result: bare(result.Result), Right: result.Right}
	if len(files) == 1 {
		t.LatencyMS = s.time(ctx, files[0])
	}
	return t, nil
}
