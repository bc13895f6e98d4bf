package distill

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// TestRun is the whole line from rows to files.
func TestRun(t *testing.T) {
	r, env := small(t), newRecord()
	r.Train.Epochs = 6
	result := mustRun(t, r, env.Env)
	dir := filepath.Dir(r.Output.Model)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"metrics.json", "metrics.jsonl", "report.csv", "report.html", "student.onnx"}; !slices.Equal(names, want) {
		t.Errorf("left %v, expected %v", names, want)
	}
	for _, b := range []struct {
		name         string
		errors, n    int
		accuracy     float64
		agreement    float64
		labelled     int
		compared     int
		lowest, high float64
	}{
		{"teacher", result.Teacher.Errors, result.Teacher.N, result.Teacher.Accuracy, result.Teacher.Agreement, result.Teacher.Labelled, result.Teacher.Compared, 0.7, 1},
		{"student", result.Student.Errors, result.Student.N, result.Student.Accuracy, result.Student.Agreement, result.Student.Labelled, result.Student.Compared, 0.6, 1},
		{"baseline", result.Baseline.Errors, result.Baseline.N, result.Baseline.Accuracy, result.Baseline.Agreement, result.Baseline.Labelled, result.Baseline.Compared, 0.5, 1},
	} {
		if b.n != testRows || b.labelled != testRows || b.compared != testRows {
			t.Errorf("%s: %d rows, %d labelled, %d compared, expected %d of each", b.name, b.n, b.labelled, b.compared, testRows)
		}
		if b.accuracy < b.lowest || b.accuracy != 1-float64(b.errors)/float64(b.n) {
			t.Errorf("%s: accuracy %v of %d errors, expected at least %v", b.name, b.accuracy, b.errors, b.lowest)
		}
		if b.agreement < b.lowest || b.name == "teacher" && b.agreement != 1 {
			t.Errorf("%s: agreement %v", b.name, b.agreement)
		}
	}
	if p := result.Parity; p == nil || !p.Passed || p.Rows != testRows || p.ArgmaxFlips != 0 {
		t.Errorf("parity %+v", p)
	}
	if result.Verdict.Sentence == "" || result.Verdict.McNemar == nil {
		t.Errorf("verdict %+v", result.Verdict)
	}
	if !strings.Contains(string(mustRead(t, result.Files.Report)), "<svg") {
		t.Error("the report shows no figure")
	}
	checkStudent(t, r.Output.Model)
	checkJSON(t, result)
}

// checkStudent reads the exported file as a stranger would.
func checkStudent(t *testing.T, path string) {
	t.Helper()
	m, err := onnx.Read(path, onnx.ReadOptions{Weights: true, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	in, out := m.Graph.Inputs[0], m.Graph.Outputs[0]
	if in.Name != "measurements" || len(in.Shape) != 2 || in.Shape[0].Param != "batch" || in.Shape[1].Value != features {
		t.Errorf("input %+v, expected the teacher's name and a dynamic batch of %d features", in, features)
	}
	if len(out.Shape) != 2 || out.Shape[0].Param != "batch" || out.Shape[1].Value != classes {
		t.Errorf("output %+v", out)
	}
	for key, want := range map[string]string{
		"version": "test", "architecture": "mlp:6", "teacher": "teacher.onnx", "temperature": "4", "alpha": "0.9",
		"seed": "1", "epochs": "6", "classes": "a\nb\nc", "test.rows": "240",
	} {
		if got, _ := m.Meta("kdonnx." + key); got != want {
			t.Errorf("metadata %s: got %q, expected %q", key, got, want)
		}
	}
	for _, key := range []string{"teacher.sha256", "data.sha256"} {
		if got, _ := m.Meta("kdonnx." + key); len(got) != 64 {
			t.Errorf("metadata %s: got %q, expected a SHA-256", key, got)
		}
	}
	for _, e := range m.Metadata {
		if strings.Contains(e.Value, problem) {
			t.Errorf("metadata %s names a path of this machine: %q", e.Key, e.Value)
		}
	}
}

// checkJSON holds what programs read to its promised keys.
func checkJSON(t *testing.T, result *Result) {
	t.Helper()
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, block := range []string{"student", "teacher", "baseline"} {
		b, ok := got[block].(map[string]any)
		if !ok {
			t.Errorf("no block %q in %s", block, text)
			continue
		}
		for _, key := range []string{"n", "errors", "accuracy", "agreement", "ece"} {
			if _, ok := b[key].(float64); !ok {
				t.Errorf("%s.%s is %v, expected a number", block, key, b[key])
			}
		}
	}
	for _, key := range []string{"steps_per_s", "samples_per_s", "wall_s"} {
		if v, ok := got[key].(float64); !ok || v <= 0 {
			t.Errorf("%s is %v, expected a number above 0", key, got[key])
		}
	}
	if p, ok := got["parity"].(map[string]any); !ok || p["passed"] != true {
		t.Errorf("parity is %v", got["parity"])
	}
	if f, ok := got["files"].(map[string]any); !ok || f["model"] != result.Files.Model {
		t.Errorf("files are %v", got["files"])
	}
	onDisk := map[string]any{}
	if err := json.Unmarshal(mustRead(t, result.Files.Metrics), &onDisk); err != nil || onDisk["student"] == nil {
		t.Errorf("metrics.json: %v, %v", err, onDisk)
	}
}

// TestSameBytes holds the student to its promise whatever GOMAXPROCS is, with
// dropout, batch normalisation and a short last batch.
func TestSameBytes(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	var first []byte
	for _, n := range []int{1, 2, 3} {
		runtime.GOMAXPROCS(n)
		r := stored(t)
		r.Student.Arch = "mlp:40,40?dropout=0.2"
		r.Train.Batch = 50
		mustRun(t, r, newRecord().Env)
		got := mustRead(t, unverified(r))
		if first == nil {
			first = got
		} else if string(got) != string(first) {
			t.Errorf("GOMAXPROCS=%d gives other bytes than 1", n)
		}
	}
	r := stored(t)
	r.Student.Arch, r.Train.Batch, r.Train.Seed = "mlp:40,40?dropout=0.2", 50, 2
	mustRun(t, r, newRecord().Env)
	if string(mustRead(t, unverified(r))) == string(first) {
		t.Error("another seed gives the same bytes")
	}
}

// rewrite is the training rows with the labels that f gives them.
func rewrite(t *testing.T, f func(i int, y int32) int32) string {
	t.Helper()
	x, y := clouds(trainRows, 1)
	for i := range y {
		y[i] = f(i, y[i])
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := writeCSV(path, x, y); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnlabelledRows(t *testing.T) {
	t.Run("further", func(t *testing.T) {
		x, _ := clouds(300, 5)
		path := filepath.Join(t.TempDir(), "more.csv")
		if err := writeCSV(path, x, slices.Repeat([]int32{2}, 300)); err != nil {
			t.Fatal(err)
		}
		r := small(t)
		r.Data.Unlabelled, r.Data.Labelled = path, 30
		result := mustRun(t, r, newRecord().Env)
		// The 348 rows without a label add nothing to the hard term, which is a
		// mean over all 678 and so must stay far below that of the baseline.
		student, baseline := result.History.Student[0].Train, result.History.Baseline[0].Train
		if student.Hard <= 0 || student.Hard > 0.25*baseline.Hard {
			t.Errorf("hard term %v of the student beside %v of the baseline: rows without a label count", student.Hard, baseline.Hard)
		}
	})
	t.Run("all", func(t *testing.T) {
		r := stored(t)
		r.Data.Train = rewrite(t, func(int, int32) int32 { return dataset.Unlabelled })
		r.Data.Test = r.Data.Train
		r.Data.ValSplit = 0.2
		result := mustRun(t, r, newRecord().Env)
		if result.Baseline != nil || result.Verdict.Helps || !strings.Contains(result.Verdict.Sentence, "No verdict") {
			t.Errorf("baseline %v, verdict %+v, expected none", result.Baseline, result.Verdict)
		}
		if h := result.History.Student; h[len(h)-1].Train.Hard != 0 {
			t.Errorf("hard term %v without any label", h[len(h)-1].Train.Hard)
		}
		if result.Student.Agreement < 0.5 {
			t.Errorf("agreement %v", result.Student.Agreement)
		}
	})
}

func TestLabelled(t *testing.T) {
	r := stored(t)
	r.Data.Labelled = 30
	d := run{recipe: r, result: &Result{}}
	if err := d.openData(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := d.data.Labelled.Len(); got != 30 {
		t.Errorf("%d labelled rows, expected 30", got)
	}
	if got := d.data.Transfer.Len() + d.data.Val.Len(); got != trainRows {
		t.Errorf("%d transfer and validation rows, expected %d", got, trainRows)
	}
}

// TestUnverified writes one honestly named file, which Verify then proves.
func TestUnverified(t *testing.T) {
	r := stored(t)
	result := mustRun(t, r, newRecord().Env)
	if exists(r.Output.Model) || !exists(unverified(r)) || result.Files.Model != unverified(r) {
		t.Errorf("files %+v, expected only the unverified one", result.Files)
	}
	if result.Parity != nil || len(result.Warnings) == 0 {
		t.Errorf("parity %v, warnings %q: expected none and one", result.Parity, result.Warnings)
	}
	src, err := dataset.Open(file("test.csv"), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	v, err := Verify(context.Background(), unverified(r), src, "")
	if err != nil {
		t.Fatal(err)
	}
	if !v.Parity.Within || v.Parity.Rows != testRows || string(v.File) != string(mustRead(t, unverified(r))) {
		t.Errorf("verification %+v", v.Parity)
	}
}

// TestEngines scores one student in both engines.
func TestEngines(t *testing.T) {
	r := stored(t)
	want := mustRun(t, r, newRecord().Env)
	src, err := dataset.Open(file("test.csv"), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for _, engine := range []string{EngineORT, EngineNative} {
		te := TeacherRecipe{ModelRecipe: ModelRecipe{Model: unverified(r), Kind: "auto", Input: "auto"}, Provider: "cpu"}
		m, err := OpenModel(context.Background(), engine, te, src, "", file("cache"))
		if err != nil {
			t.Fatalf("%s: %v", engine, err)
		}
		got, err := Evaluate(context.Background(), m, src, nil)
		m.Close()
		if err != nil {
			t.Fatalf("%s: %v", engine, err)
		}
		if got.Errors != want.Student.Errors || !slices.Equal(m.ClassNames, []string{"a", "b", "c"}) {
			t.Errorf("%s: %d errors and classes %q, expected %d", engine, got.Errors, m.ClassNames, want.Student.Errors)
		}
	}
	_, err = OpenModel(context.Background(), "abacus", TeacherRecipe{ModelRecipe: ModelRecipe{Model: unverified(r)}}, src, "", "")
	faulttest.Want(t, err, fault.Usage, "--engine", "abacus")
}

// TestBadLabels names the row of the file whose label has no class.
func TestBadLabels(t *testing.T) {
	bad := rewrite(t, func(i int, y int32) int32 {
		if i == 200 {
			return 3
		}
		return y
	})
	for name, change := range map[string]func(*Recipe){
		"train": func(r *Recipe) { r.Data.Train = bad },
		"test":  func(r *Recipe) { r.Data.Test = bad },
		"val":   func(r *Recipe) { r.Data.Val = bad },
	} {
		t.Run(name, func(t *testing.T) {
			r := stored(t)
			change(&r)
			_, err := Run(context.Background(), r, newRecord().Env)
			want := []string{"rows.csv", "row 200", "3 classes"}
			if name != "train" { // a label that the training rows do not have
				want = want[:1]
			}
			faulttest.Want(t, err, fault.Input, want...)
		})
	}
}

func TestDiverged(t *testing.T) {
	r := stored(t)
	r.Train.LR, r.Train.Clip, r.Train.Epochs = 1000, 0, 50
	r.Train.Schedule, r.Train.Momentum = "constant", 0.99
	r.Student.Arch = "mlp:6,6,6"
	_, err := Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Diverged, "step")
	if exists(unverified(r)) {
		t.Error("a diverged student was written")
	}
}

func TestEarlyStopping(t *testing.T) {
	r := stored(t)
	r.Train.Epochs, r.Train.Patience, r.Train.LR, r.Train.NoBaseline = 60, 2, 1e-12, true
	result := mustRun(t, r, newRecord().Env)
	if n := len(result.History.Student); n < 3 || n > 20 {
		t.Errorf("%d epochs of 60, expected to stop after 2 without a better one", n)
	}
	if result.Baseline != nil {
		t.Error("a baseline was trained against --no-baseline")
	}
}

// TestValidationRows holds which rows choose the epoch and which judge.
func TestValidationRows(t *testing.T) {
	for _, c := range []struct {
		name      string
		change    func(*Recipe)
		validated bool
		judged    int
		note      string
	}{
		{"no test rows", func(r *Recipe) { r.Data.Test = "" }, true, trainRows / 5, "held out to judge"},
		{"no validation rows", func(r *Recipe) { r.Data.ValSplit = 0 }, false, testRows, "the last epoch is kept"},
		{"test rows as validation rows", func(r *Recipe) { r.Data.Val = r.Data.Test }, true, testRows, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := stored(t)
			c.change(&r)
			result := mustRun(t, r, newRecord().Env)
			if got := result.History.Student[0].Val != nil; got != c.validated {
				t.Errorf("validated: %t, expected %t", got, c.validated)
			}
			if result.Student.N != c.judged {
				t.Errorf("judged on %d rows, expected %d", result.Student.N, c.judged)
			}
			if !strings.Contains(strings.Join(result.Notes, "\n"), c.note) {
				t.Errorf("notes %q, expected one with %q", result.Notes, c.note)
			}
		})
	}
}

// TestRefusedOutputs is told before any work, and leaves everything as it was.
func TestRefusedOutputs(t *testing.T) {
	teacher, labels := mustRead(t, file("teacher.onnx")), write(t, "labels.txt", "a=b\n")
	for _, c := range []struct {
		name   string
		change func(*Recipe)
		kind   fault.Kind
		text   string
	}{
		{"the teacher", func(r *Recipe) { r.Output.Model = file("teacher.onnx") }, fault.Usage, "the output is the teacher"},
		{"metrics over the label map", func(r *Recipe) { r.Data.LabelMap, r.Output.Metrics = labels, labels }, fault.Usage, "the output is the label map"},
		{"report over the teacher", func(r *Recipe) { r.Output.Report = file("teacher.onnx") }, fault.Usage, "the output is the teacher"},
		{"metrics over the rows", func(r *Recipe) { r.Output.Metrics = file("train.csv") }, fault.Usage, "train.csv"},
		{"one file twice", func(r *Recipe) { r.Output.Metrics = r.Output.Model }, fault.Usage, "two outputs"},
		{"a device", func(r *Recipe) { r.Output.Report = "/dev/full" }, fault.IO, "/dev/full"},
		{"a folder", func(r *Recipe) { r.Output.Model = problem }, fault.IO, "folder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := small(t)
			c.change(&r)
			env := newRecord()
			_, err := Run(context.Background(), r, env.Env)
			faulttest.Want(t, err, c.kind, c.text)
			if len(env.lines) > 0 {
				t.Errorf("work was done first: %q", env.lines)
			}
		})
	}
	if string(mustRead(t, file("teacher.onnx"))) != string(teacher) {
		t.Error("the teacher changed")
	}
}

func TestLockedOutput(t *testing.T) {
	r := stored(t)
	work := strings.TrimSuffix(unverified(r), ".onnx") + ".work"
	if err := os.MkdirAll(work, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := durable.TryLock(filepath.Join(work, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.IO, "in use by process "+fmt.Sprint(os.Getpid()))
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	mustRun(t, r, newRecord().Env)
}

// TestTemporaries of killed runs go, and nothing else of the folder does.
func TestTemporaries(t *testing.T) {
	r := stored(t)
	dir := filepath.Dir(r.Output.Model)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mine, other := unverified(r)+".kdonnx-tmp-123", filepath.Join(dir, "other.onnx.kdonnx-tmp-123")
	for _, path := range []string{mine, other} {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, r, newRecord().Env)
	if exists(mine) || !exists(other) {
		t.Errorf("own temporary left: %t, another output's kept: %t", exists(mine), exists(other))
	}
}
