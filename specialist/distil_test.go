package specialist

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/clouds"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// halfBlind is a bundle with a gain to keep: a generalist that cannot tell
// look-alikes apart, and specialists that can as well as anybody. Both are best
// classifiers, of clouds of which the generalist's see one feature less.
func halfBlind(t *testing.T, top int, sets ...[]int) *Bundle {
	t.Helper()
	dir := t.TempDir()
	blind := clouds.Clouds{Spread: look.Spread}
	for _, c := range look.Centres {
		blind.Centres = append(blind.Centres, []float64{c[0], 0, c[2]})
	}
	blind.Centres[0][0], blind.Centres[1][0] = 0.5, 0.5 // the first two are one to it
	b := &Bundle{Classes: fiveClasses, Top: top, Generalist: Member{File: "generalist.onnx"}}
	if err := blind.WriteTeacher(filepath.Join(dir, b.Generalist.File), "input"); err != nil {
		t.Fatal(err)
	}
	for i, set := range sets {
		e := Expert{Member: Member{File: "specialist-" + string(rune('a'+i)) + ".onnx"}, Classes: set, Head: Full, Fraction: 0.5}
		if err := look.WriteTeacher(filepath.Join(dir, e.File), "input"); err != nil {
			t.Fatal(err)
		}
		b.Specialists = append(b.Specialists, e)
	}
	if err := b.Write(dir); err != nil {
		t.Fatal(err)
	}
	return b
}

// distilPlan is the plan that tests of Distil begin with.
func distilPlan(t *testing.T, b *Bundle, students string) DistilPlan {
	r := DefaultDistilRecipe()
	r.Data = distill.DataRecipe{Train: filepath.Join(problem, "train.csv"), Test: filepath.Join(problem, "test.csv")}
	r.Teacher.Batch, r.Teacher.Doctor = 64, false
	r.Student.Arch, r.Train.Epochs, r.Train.Batch = students, 8, 32
	r.Loss.Alpha, r.Train.LR = 1, 0.1 // the control has no other source to learn from
	r.Output.Model = filepath.Join(t.TempDir(), "out", "student.onnx")
	return DistilPlan{Recipe: r, Bundle: b}
}

func mustDistil(t *testing.T, p DistilPlan) *Distilled {
	t.Helper()
	env := (&logged{}).env()
	env.Latency = 1
	r, err := Distil(t.Context(), p, env)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDistil keeps a gain where there is one: the student begins as the generalist,
// whose errors are those of look-alikes that it does not see, and ends near the
// ensemble, while the control, taught by the generalist alone, stays where it was.
// Sets overlap, heads are full, and two classes choose.
func TestDistil(t *testing.T) {
	p := distilPlan(t, halfBlind(t, 2, []int{0, 1}, []int{2, 3}, []int{1, 2, 4}), "auto;mlp:6")
	r := mustDistil(t, p)
	gain := r.Generalist.Errors - r.Ensemble.Errors
	if gain < 60 || r.Generalist.Labelled != 600 || len(r.Students) != 2 || r.Gain.OnlyB-r.Gain.OnlyA != gain {
		t.Fatalf("%d errors alone, %d together, %+v", r.Generalist.Errors, r.Ensemble.Errors, r.Gain)
	}
	for i, s := range r.Students {
		want := float64(r.Generalist.Errors-s.Student.Errors) / float64(gain)
		if s.Kept == nil || *s.Kept != want || want < 0.7 {
			t.Errorf("%s keeps %v, %v of %d; %s", s.Arch, s.Kept, want, gain, s.Verdict)
		}
		if d := s.Control.Errors - s.Student.Errors; d < gain/2 || s.AgainstControl.OnlyB-s.AgainstControl.OnlyA != d || !(s.AgainstControl.P < 1e-3) {
			t.Errorf("%s: %d errors, the control %d: %+v", s.Arch, s.Student.Errors, s.Control.Errors, s.AgainstControl)
		}
		if !strings.HasPrefix(s.Verdict, "Keeps ") || !strings.Contains(s.Verdict, "the specialists teach something") {
			t.Error(s.Verdict)
		}
		sameAsRun(t, s, filepath.Join(filepath.Dir(p.Recipe.Output.Model), []string{"generalist", "mlp-6"}[i], "student.onnx"))
	}
	if own := r.Students[0]; own.Control.Errors != r.Generalist.Errors || own.Params != 5*3+5 {
		t.Errorf("taught by itself the generalist makes %d errors, before %d", own.Control.Errors, r.Generalist.Errors)
	}
	if _, err := os.Stat(strings.TrimSuffix(p.Recipe.Output.Model, ".onnx") + ".distil"); err == nil {
		t.Error("checkpoints were left")
	}
	var table strings.Builder
	if err := r.Table(&table); err != nil || !strings.Contains(table.String(), "taught by the generalist alone") {
		t.Errorf("%s%v", &table, err)
	}

	// the same again asks nobody and proves nothing: the one file is there
	p.Recipe.Student.Arch, p.Recipe.Output.Model = "generalist", filepath.Join(filepath.Dir(p.Recipe.Output.Model), "again.onnx")
	var log logged
	again, err := Distil(t.Context(), p, log.env())
	if err != nil || log.count("ensemble: "+r.Teacher) > 0 || again.Students[0].Student.Errors != r.Students[0].Student.Errors {
		t.Errorf("%v %q", err, log.lines)
	}
	if a, b := read(t, p.Recipe.Output.Model), read(t, r.Students[0].Files.Model); a != b {
		t.Error("the same student has other bytes")
	}
}

// sameAsRun holds what is said of a student against the report of its run.
func sameAsRun(t *testing.T, s *Back, model string) {
	t.Helper()
	if s.Files.Model != model {
		t.Errorf("the student is %s, want %s", s.Files.Model, model)
	}
	run, err := report.Read(s.Files.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	if run.Student.Errors != s.Student.Errors || run.Baseline.Errors != s.Hard.Errors || run.Verdict.McNemar.P != s.AgainstHard.P {
		t.Errorf("%s says %d errors and %d on hard labels, here %d and %d", s.Files.Metrics, run.Student.Errors, run.Baseline.Errors, s.Student.Errors, s.Hard.Errors)
	}
}

// TestDistilNoGain has specialists that know what the generalist does.
func TestDistilNoGain(t *testing.T) {
	b := halfBlind(t, 1, []int{0, 1})
	copyFile(t, b.Path(b.Generalist), b.Path(b.Specialists[0].Member))
	if err := b.Write(b.dir); err != nil {
		t.Fatal(err)
	}
	p := distilPlan(t, b, "generalist")
	p.Recipe.Train.Epochs, p.Recipe.Train.NoBaseline = 2, true
	s := mustDistil(t, p).Students[0]
	if s.Kept != nil || s.Hard != nil || s.AgainstHard != nil || !strings.HasPrefix(s.Verdict, "No gain to keep: the generalist makes ") || !strings.Contains(s.Verdict, "within chance") {
		t.Errorf("%+v", s)
	}
}

// TestKept holds the share and the words against numbers by hand.
func TestKept(t *testing.T) {
	of := func(errors int) *metrics.Result { return &metrics.Result{Errors: errors, Labelled: 1000} }
	for _, c := range []struct {
		alone, together, student, control int
		gain, against                     float64 // P
		kept                              float64 // NaN: none
		words                             []string
	}{
		{200, 150, 160, 195, 1e-6, 1e-4, 0.8, []string{"Keeps 80 % of the gain of 50 errors; ", "35 errors fewer"}},
		{200, 150, 150, 150, 1e-6, 1, 1, []string{"Keeps 100 %", "within chance"}},
		{200, 150, 210, 180, 1e-6, 0.01, -0.2, []string{"Keeps -20 %", "mislead: 30 errors more"}},
		{200, 196, 198, 199, 0.4, 0.9, 0.5, []string{"Keeps 50 % of the gain of 4 errors, which may be chance itself (McNemar P = 0.4)"}},
		{200, 200, 190, 210, 1, 0.03, math.NaN(), []string{"No gain to keep", "20 errors fewer"}},
		{200, 220, 190, 195, 0.01, 0.6, math.NaN(), []string{"No gain to keep: the generalist makes 220 errors with its specialists and 200 without"}},
	} {
		s := &Back{Student: of(c.student), Control: of(c.control), AgainstControl: metrics.Paired{P: c.against}}
		s.judge(&Distilled{Generalist: of(c.alone), Ensemble: of(c.together), Gain: &metrics.Paired{P: c.gain}})
		if (s.Kept == nil) != math.IsNaN(c.kept) || s.Kept != nil && math.Abs(*s.Kept-c.kept) > 1e-12 {
			t.Errorf("%+v: %v kept", c, s.Kept)
		}
		for _, w := range c.words {
			if !strings.Contains(s.Verdict, w) {
				t.Errorf("%q lacks %q", s.Verdict, w)
			}
		}
	}
}

// TestDistilStops ends a distillation in each of its parts and goes on: the files
// are those of one that was left alone, and what is done is not done again.
func TestDistilStops(t *testing.T) {
	b := halfBlind(t, 1, []int{0, 1})
	plan := func() DistilPlan {
		p := distilPlan(t, b, "generalist;mlp:4")
		p.Recipe.Train.Epochs, p.Recipe.Train.NoBaseline = 3, true
		return p
	}
	whole := mustDistil(t, plan())
	p := plan()
	stages := map[string]bool{}
	for range 20 {
		ctx, stop := context.WithCancel(t.Context())
		env, once := (&logged{}).env(), sync.Once{}
		env.Latency = 1
		last := len(stages)
		env.Log = func(line string) { // ends each time in a stage that it has not ended in
			if !stages[line] && strings.Contains(line, " parameters, ") {
				once.Do(func() { stages[line] = true; stop() })
			}
		}
		r, err := Distil(ctx, p, env)
		stop()
		if err == nil {
			if last < 4 || len(r.Students) != 2 {
				t.Errorf("ended only %d times: %v", last, stages)
			}
			for i := range r.Students {
				if read(t, r.Students[i].Files.Model) != read(t, whole.Students[i].Files.Model) {
					t.Errorf("student %d is another", i)
				}
				if r.Students[i].Control.Errors != whole.Students[i].Control.Errors || *r.Students[i].Kept != *whole.Students[i].Kept {
					t.Errorf("student %d: %+v, want %+v", i, r.Students[i], whole.Students[i])
				}
			}
			return
		}
		faulttest.Want(t, err, fault.Interrupted)
		if errors.Is(err, context.Canceled) && len(stages) == last {
			t.Fatal("nothing was ended")
		}
	}
	t.Error("does not end")
}

// TestDistilRefuses has plans that cannot be.
func TestDistilRefuses(t *testing.T) {
	b := halfBlind(t, 1, []int{0, 1})
	other := *b
	other.Classes = []string{"x", "y", "z", "|", "{"}
	for _, c := range []struct {
		change func(p *DistilPlan)
		kind   fault.Kind
		text   string
	}{
		{func(p *DistilPlan) { p.Recipe.Train.Seeds = 2 }, fault.Usage, "--seeds"},
		{func(p *DistilPlan) { p.Recipe.Student.BudgetParams = "10k" }, fault.Usage, "budget"},
		{func(p *DistilPlan) { p.Recipe.Loss.Hint = "a=b" }, fault.Usage, "--hint"},
		{func(p *DistilPlan) { p.Recipe.Output.Model = "" }, fault.Usage, "-o"},
		{func(p *DistilPlan) { p.Recipe.Output.Model = b.Path(b.Generalist) }, fault.Usage, "is a model of the bundle"},
		{func(p *DistilPlan) { p.Recipe.Student.Arch = "mlp:4;mlp:4" }, fault.Usage, "different names"},
		{func(p *DistilPlan) { p.Recipe.Student.Arch = "mlp:4;" }, fault.Usage, "student"},
		{func(p *DistilPlan) { p.Recipe.Student.Arch, p.Recipe.Output.Report = "mlp:4;mlp:5", "r.html" }, fault.Usage, "--report"},
		{func(p *DistilPlan) { p.Recipe.Train.LR = -1 }, fault.Usage, "--lr"},
		{func(p *DistilPlan) { p.Recipe.Data.Train = "nowhere.csv" }, fault.IO, "nowhere.csv"},
		{func(p *DistilPlan) { p.Bundle = &other }, fault.Input, "in their order"},
	} {
		p := distilPlan(t, b, "generalist")
		c.change(&p)
		_, err := Distil(t.Context(), p, (&logged{}).env())
		faulttest.Want(t, err, c.kind, c.text)
	}
}

// TestDistilFolder refuses what is left of other settings, and --restart forgets it.
func TestDistilFolder(t *testing.T) {
	p := distilPlan(t, halfBlind(t, 1, []int{0, 1}), "generalist")
	p.Recipe.Train.Epochs, p.Recipe.Train.NoBaseline = 2, true
	ctx, stop := context.WithCancel(t.Context())
	env := (&logged{}).env()
	env.Log = func(line string) {
		if strings.Contains(line, " parameters, ") {
			stop()
		}
	}
	_, err := Distil(ctx, p, env)
	faulttest.Want(t, err, fault.Interrupted)
	p.Recipe.Loss.Temperature = 3
	_, err = Distil(t.Context(), p, (&logged{}).env())
	faulttest.Want(t, err, fault.Integrity, "loss.temperature", "the folder is of other students")
	p.Recipe.Output.Restart = true
	mustDistil(t, p)
}

// TestOneFileTeaches has the one file of a bundle as the teacher of an ordinary run,
// as a user has it: rows alone say what it is, without labels too.
func TestOneFileTeaches(t *testing.T) {
	b := halfBlind(t, 1, []int{0, 1}, []int{1, 2})
	one := filepath.Join(t.TempDir(), "one.onnx")
	if _, err := Export(t.Context(), b, ExportOptions{Output: one}); err != nil {
		t.Fatal(err)
	}
	rows := filepath.Join(problem, "train.csv")
	m, err := onnx.Read(one, onnx.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if names, _ := m.Meta(export.MetaPrefix + export.ClassesKey); names != strings.Join(fiveClasses, "\n") {
		t.Errorf("classes %q", names)
	}
	r := distill.Default()
	r.Teacher.Model, r.Student.Arch, r.Loss.Temperature, r.Train.Epochs = one, "mlp:6", 1, 4
	r.Data = distill.DataRecipe{Train: rows, Test: filepath.Join(problem, "test.csv")}
	r.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	env := (&logged{}).env()
	env.Latency = 1
	run, err := distill.Run(t.Context(), r, env)
	if err != nil {
		t.Fatal(err)
	}
	src, err := dataset.Open(r.Data.Test, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := open(t, b, EnsembleOptions{Rows: src})
	v, err := Evaluate(t.Context(), e, src)
	if err != nil {
		t.Fatal(err)
	}
	if run.Teacher.Errors != v.Ensemble.Errors || run.Student.Errors > v.Generalist.Errors {
		t.Errorf("as a teacher %d errors, natively %d; the student %d", run.Teacher.Errors, v.Ensemble.Errors, run.Student.Errors)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, []byte(read(t, from)), 0o644); err != nil {
		t.Fatal(err)
	}
}
