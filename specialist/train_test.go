package specialist

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/student"
)

var fiveClasses = []string{"x", "y", "z", "{", "|"} // see clouds.CSV

// lookAlikes is the plan that most tests begin with.
func lookAlikes(t *testing.T) TrainPlan {
	return TrainPlan{Recipe: recipe(problem), Dir: filepath.Join(t.TempDir(), "bundle"),
		Sets: &Sets{Classes: fiveClasses, Sets: [][]int{{0, 1}, {2, 3}, {1, 2, 4}}}}
}

type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) env() distill.Env {
	return distill.Env{Version: "test", Cache: filepath.Join(problem, "cache"), Log: func(line string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, line)
	}}
}

func (l *logged) count(text string) (n int) {
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func mustTrain(t *testing.T, p TrainPlan) *Fleet {
	t.Helper()
	f, err := Train(t.Context(), p, (&logged{}).env())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// models are the bytes of all models and the manifest of a bundle.
func modelsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(data)
	}
	return all
}

func sameBundle(t *testing.T, what, want, got string) {
	t.Helper()
	a, b := modelsOf(t, want), modelsOf(t, got)
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s: %s is another", what, name)
		}
	}
	if len(a) != len(b) {
		t.Errorf("%s: %d files, want %d", what, len(b), len(a))
	}
}

// TestTrain goes from sets to a bundle that reads back: heads, fractions and
// corrections are what the rows say, the generalist of the bundle answers as the
// given one, and look-alikes are told apart no worse.
func TestTrain(t *testing.T) {
	p := lookAlikes(t)
	p.Recipe.Train.Epochs, p.Recipe.Output.Unverified = 10, false
	fleet := mustTrain(t, p)
	b, err := ReadBundle(p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Specialists) != 3 || fleet.Distilled || b.Top != 1 || !slices.Equal(b.Classes, fiveClasses) {
		t.Fatalf("%+v", b)
	}
	src, err := dataset.Open(filepath.Join(problem, "train.csv"), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	counts := make([]int, 5)
	labels, err := dataset.Labels(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range labels {
		counts[y]++
	}
	for i, e := range b.Specialists {
		want := 0.0
		for _, k := range e.Classes {
			want += float64(counts[k]) / float64(len(labels))
		}
		if math.Abs(e.Fraction-want) > 0.01 || math.Abs(e.Correction-math.Log((1-e.Fraction)/e.Fraction)) > 1e-12 || e.Head != Dustbin {
			t.Errorf("specialist %d: %+v, expected a fraction of about %.3f", i, e, want)
		}
		net, err := student.Load(b.Path(e.Member))
		if err != nil {
			t.Fatal(err)
		}
		if net.Classes() != len(e.Classes)+1 {
			t.Errorf("specialist %d has %d outputs for %d classes", i, net.Classes(), len(e.Classes))
		}
		r := fleet.Trained[i]
		if r.Before.OwnRows == 0 || r.After.OwnRows != r.Before.OwnRows || r.After.Own() < r.Before.Own()-0.03 || r.After.Whole() < r.Before.Whole()-0.05 {
			t.Errorf("specialist %d: before %+v, after %+v", i, r.Before, r.After)
		}
		if r.BestAt > 0 && r.Epochs != 10 {
			t.Errorf("specialist %d: %d epochs", i, r.Epochs)
		}
	}
	if _, err := os.Stat(filepath.Join(p.Dir, fleetDir, workDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("checkpoints are left: %v", err)
	}
	x := make([]float32, 30)
	for i := range x {
		x[i] = float32(i % 5)
	}
	if a, b := outputs(t, p.Recipe.Teacher.Model, x, 10), outputs(t, b.Path(b.Generalist), x, 10); !slices.Equal(a, b) {
		t.Error("the bundle's generalist answers otherwise than the given one")
	}
}

func outputs(t *testing.T, path string, x []float32, n int) []float32 {
	t.Helper()
	net, err := student.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	z := make([]float32, n*net.Classes())
	if err := net.Predict(t.Context(), x, n, z); err != nil {
		t.Fatal(err)
	}
	return z
}

// TestTrainAgain: shards, in any order and beside one another, and the call that
// joins them leave the bytes of one call; what is finished is not trained again,
// a model that is another than it was is; the generalist is asked once.
func TestTrainAgain(t *testing.T) {
	whole := lookAlikes(t)
	whole.Parallel = 1
	mustTrain(t, whole)
	p := whole
	p.Dir, p.Parallel, p.Shards = filepath.Join(t.TempDir(), "bundle"), 3, 3
	cache := t.TempDir()
	asked := 0
	for _, p.Shard = range []int{2, 0, 1} {
		l := &logged{}
		env := l.env()
		env.Cache = cache
		if f, err := Train(t.Context(), p, env); f != nil || err != nil {
			t.Fatalf("shard %d: %v, %v", p.Shard, f, err)
		}
		asked += l.count("rows at ")
	}
	if asked != 2 { // the transfer rows, and the test rows
		t.Errorf("the generalist was asked %d times, expected about two lots of rows", asked)
	}
	p.Shard, p.Shards = 0, 0
	mustTrain(t, p)
	sameBundle(t, "by shards", whole.Dir, p.Dir)
	record := filepath.Join(p.Dir, fleetDir, "specialist-001.json")
	before, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	another, err := os.ReadFile(filepath.Join(p.Dir, "specialist-000.unverified.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "specialist-002.unverified.onnx"), another, 0o644); err != nil {
		t.Fatal(err)
	}
	l := &logged{}
	if _, err := Train(t.Context(), p, l.env()); err != nil {
		t.Fatal(err)
	}
	sameBundle(t, "again", whole.Dir, p.Dir)
	after, err := os.ReadFile(record)
	if err != nil || !bytes.Equal(before, after) || l.count("specialist 1: student") != 0 || l.count("specialist 2: student") != 1 {
		t.Errorf("specialist 1 was trained again, or 2 was not: %q", l.lines)
	}
	for field, change := range map[string]func(p *TrainPlan){
		"sets[1]":    func(p *TrainPlan) { p.Sets = &Sets{Classes: fiveClasses, Sets: [][]int{{0, 1}, {3, 4}, {1, 2, 4}}} },
		"train.lr":   func(p *TrainPlan) { p.Recipe.Train.LR = 0.02 },
		"loss.alpha": func(p *TrainPlan) { p.Recipe.Loss.Alpha = 0.7 },
		"head":       func(p *TrainPlan) { p.Head = Full },
		"rows":       func(p *TrainPlan) { p.Recipe.Data.Limit = 700 },
	} {
		other := p
		change(&other)
		_, err := Train(t.Context(), other, (&logged{}).env())
		faulttest.Want(t, err, fault.Integrity, field, "--restart")
	}
	p.Recipe.Train.LR, p.Restart = 0.02, true
	mustTrain(t, p)
}

// TestTrainEdges: a set of one class, one that no row is of, one of all classes,
// two that are the same, rows that are all of a set.
func TestTrainEdges(t *testing.T) {
	p := lookAlikes(t)
	p.Recipe.Train.Epochs = 1
	p.Recipe.Data.Without = []string{"|"}
	p.Sets.Sets = [][]int{{3}, {4}, {0, 1, 2, 3}, {3}}
	f := mustTrain(t, p)
	if len(f.Bundle.Specialists) != 3 || f.Trained[1].LeftOut == "" || !strings.Contains(f.Trained[1].LeftOut, "|") {
		t.Errorf("a set of an absent class: %+v", f.Trained[1])
	}
	if e := f.Bundle.Specialists[1]; e.Fraction != 1 || e.Correction != 0 || len(e.Classes) != 4 {
		t.Errorf("all rows are of the set: %+v", e)
	}
	if a, b := f.Trained[0], f.Trained[3]; a.Before != b.Before || a.After != b.After || a.File == b.File {
		t.Errorf("two sets that are the same: %+v, %+v", a, b)
	}
	if !slices.ContainsFunc(f.Notes, func(n string) bool { return strings.Contains(n, "sets 0 and 3 are the same") }) {
		t.Errorf("notes %q", f.Notes)
	}
	if _, err := ReadBundle(p.Dir); err != nil {
		t.Error(err)
	}
	p.Dir, p.Sets = filepath.Join(t.TempDir(), "none"), &Sets{Classes: fiveClasses, Sets: [][]int{{4}}}
	_, err := Train(t.Context(), p, (&logged{}).env())
	faulttest.Want(t, err, fault.Input, "no row is of a class")

	p = lookAlikes(t)
	p.Recipe.Train.Epochs = 1
	p.Sets.Sets = [][]int{{0, 1, 2, 3, 4}}
	_, err = Train(t.Context(), p, (&logged{}).env())
	faulttest.Want(t, err, fault.Usage, "sets[0]", "all 5 classes")
	p.Head = Full
	if f := mustTrain(t, p); f.Bundle.Specialists[0].Fraction != 1 || f.Bundle.Specialists[0].Correction != 0 {
		t.Errorf("%+v", f.Bundle.Specialists[0])
	}
}

func TestTrainRefuses(t *testing.T) {
	for text, c := range map[string]struct {
		kind   fault.Kind
		change func(p *TrainPlan)
	}{
		`classes[1]: got "w"`: {fault.Input, func(p *TrainPlan) { p.Sets.Classes = []string{"x", "w", "z", "{", "|"} }},
		"classes: got 6":      {fault.Input, func(p *TrainPlan) { p.Sets.Classes = append(slices.Clone(fiveClasses), "w") }},
		"sets[0]":             {fault.Input, func(p *TrainPlan) { p.Sets.Sets = [][]int{{5}} }},
		"no set":              {fault.Usage, func(p *TrainPlan) { p.Sets = &Sets{Classes: fiveClasses} }},
		"--head":              {fault.Usage, func(p *TrainPlan) { p.Head = "half" }},
		"--top":               {fault.Usage, func(p *TrainPlan) { p.Top = 6 }},
		"--model":             {fault.Usage, func(p *TrainPlan) { p.Recipe.Teacher.Model = distill.NoTeacher }},
		"--seeds":             {fault.Usage, func(p *TrainPlan) { p.Recipe.Train.Seeds = 2 }},
		"--student":           {fault.Usage, func(p *TrainPlan) { p.Recipe.Student.Arch = "other.onnx" }},
		"none.onnx":           {fault.IO, func(p *TrainPlan) { p.Recipe.Teacher.Model = "none.onnx" }},
		"mixed":               {fault.Usage, func(p *TrainPlan) { p.Recipe.Train.Augment = "mixup=0.4" }},
	} {
		p := lookAlikes(t)
		c.change(&p)
		_, err := Train(t.Context(), p, (&logged{}).env())
		if text == "none.onnx" && fault.KindOf(err) == fault.Input {
			c.kind = fault.Input
		}
		faulttest.Want(t, err, c.kind, text)
	}
}

// TestTrainDistilled: an ensemble cannot be trained, so that specialists begin
// from a student of it, which the bundle has.
func TestTrainDistilled(t *testing.T) {
	p := lookAlikes(t)
	p.Recipe.Teacher.Ensemble = []distill.MemberRecipe{{ModelRecipe: p.Recipe.Teacher.ModelRecipe}, {ModelRecipe: p.Recipe.Teacher.ModelRecipe}}
	p.Recipe.Teacher.Model, p.Recipe.Student.Arch, p.Recipe.Train.LR = "", "mlp:6", 0.05
	l := &logged{}
	f, err := Train(t.Context(), p, l.env())
	if err != nil {
		t.Fatal(err)
	}
	if !f.Distilled || l.count("cannot be trained (it is an ensemble of 2)") != 1 {
		t.Errorf("%+v, %q", f, l.lines)
	}
	net, err := student.Load(f.Bundle.Path(f.Bundle.Generalist))
	if err != nil || net.Classes() != 5 {
		t.Errorf("%v", err)
	}
}

// TestTrainUnlabelled: without any label the generalist's answers say which rows
// are whose.
func TestTrainUnlabelled(t *testing.T) {
	p := lookAlikes(t)
	text, err := os.ReadFile(filepath.Join(problem, "train.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i := 200; i < len(lines); i++ {
		if at := strings.LastIndex(lines[i], ","); at >= 0 {
			lines[i] = lines[i][:at+1]
		}
	}
	p.Recipe.Data.Train = filepath.Join(t.TempDir(), "some.csv")
	if err := os.WriteFile(p.Recipe.Data.Train, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	p.Recipe.Train.Epochs = 1
	for i, r := range mustTrain(t, p).Trained {
		if want := float64(len(p.Sets.Sets[i])) / 5; math.Abs(r.Fraction-want) > 0.05 {
			t.Errorf("specialist %d: %.3f of the rows, expected about %.1f", i, r.Fraction, want)
		}
	}
}

// TestTrainCancelled is cancelled again and again, and ends with the bytes of a
// call that was left alone.
func TestTrainCancelled(t *testing.T) {
	whole := lookAlikes(t)
	mustTrain(t, whole)
	p := whole
	p.Dir = filepath.Join(t.TempDir(), "cut")
	for n := range 2 {
		ctx, stop := context.WithCancel(t.Context())
		env := (&logged{}).env()
		steps := 0
		env.Progress = func(stage string, _, _ int64, _ *distill.EpochRecord) {
			if stage == "specialists" {
				if steps++; steps > 40*(n+1) {
					stop()
				}
			}
		}
		_, err := Train(ctx, p, env)
		stop()
		if err == nil {
			break
		}
		faulttest.Want(t, err, fault.Interrupted, "goes on")
	}
	mustTrain(t, p)
	sameBundle(t, "cancelled", whole.Dir, p.Dir)
}

// TestTrainOrder: the training of the most rows begins first, wherever its set
// stands.
func TestTrainOrder(t *testing.T) {
	p := lookAlikes(t)
	p.Parallel, p.Recipe.Train.Epochs = 1, 1
	l := &logged{}
	if _, err := Train(t.Context(), p, l.env()); err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(l.lines, func(line string) bool { return strings.Contains(line, ": student:") })
	if at < 0 || !strings.HasPrefix(l.lines[at], "specialist 2: ") { // three of the five classes
		t.Errorf("%q: expected specialist 2 first", l.lines)
	}
}
