package distill

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// begun writes a student to begin with, mlp:5 before any training, and what
// change makes of it.
func begun(t *testing.T, width, outputs int, change func(*onnx.Model)) string {
	t.Helper()
	m, err := models.Build("mlp:5", models.Input{Name: "sizes", Shape: []int{width}}, outputs, 11)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(m)
	}
	path := filepath.Join(t.TempDir(), "begun.onnx")
	if err := onnx.Write(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

// weightsOf are the parameters of the student at path, by name.
func weightsOf(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	st, err := student.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]float32{}
	for _, p := range st.Params() {
		out[p.Name] = p.Data
	}
	return out
}

// TestImported fine-tunes a file: it keeps its input's name and its frozen
// weights, learns the others, and the baseline begins as the same file.
func TestImported(t *testing.T) {
	r := small(t)
	r.Student.Arch, r.Student.Freeze = begun(t, features, classes, nil), []string{"fc1.*"}
	env := newRecord()
	result := mustRun(t, r, env.Env)
	before, after := weightsOf(t, r.Student.Arch), weightsOf(t, r.Output.Model)
	for _, name := range []string{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"} {
		if before[name] == nil {
			t.Fatalf("no parameter %s among %v", name, before)
		}
		if kept := slices.Equal(before[name], after[name]); kept != strings.HasPrefix(name, "fc1") {
			t.Errorf("%s: unchanged is %v", name, kept)
		}
	}
	if in := mustModel(t, r.Output.Model).Graph.Inputs[0].Name; in != "sizes" {
		t.Errorf("the input is %q, want that of the file", in)
	}
	if result.Student.Params != 4*5+5+5*3+3 || result.Baseline == nil || !strings.Contains(result.Baseline.Name, "begun.onnx") {
		t.Errorf("student %+v, baseline %+v", result.Student, result.Baseline)
	}
	if !result.Parity.Passed {
		t.Error("parity was not proven")
	}

	r.Student.Freeze = nil
	if free := mustRun(t, r, env.Env); !(free.Student.Errors < result.Student.Errors) {
		t.Errorf("%d errors with all weights, %d with half frozen", free.Student.Errors, result.Student.Errors)
	}
}

// TestImportedNotWorse fine-tunes a good student at a rate that spoils it: what
// is kept is the file as it was, and that is said.
func TestImportedNotWorse(t *testing.T) {
	r, env := small(t), newRecord()
	mustRun(t, r, env.Env)
	tuned := small(t)
	tuned.Student.Arch, tuned.Train.LR, tuned.Train.Clip = r.Output.Model, 30, 0.5
	result := mustRun(t, tuned, env.Env)
	before, after := weightsOf(t, r.Output.Model), weightsOf(t, tuned.Output.Model)
	for name, w := range before {
		if !slices.Equal(w, after[name]) {
			t.Errorf("%s is not what the file had", name)
		}
	}
	if !strings.Contains(strings.Join(result.Notes, "\n"), "student: no epoch did better") {
		t.Errorf("notes are %q", result.Notes)
	}
}

func mustModel(t *testing.T, path string) *onnx.Model {
	t.Helper()
	m, err := onnx.Read(path, onnx.ReadOptions{Weights: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestImportedPreprocess gives a file that wants (2x − 1)/4: the exported
// student takes raw rows and does the same inside.
func TestImportedPreprocess(t *testing.T) {
	r := stored(t)
	r.Student.Arch, r.Student.Prep, r.Output.InputName = begun(t, features, classes, nil), "scale=2 mean=1 std=4", "raw"
	r.Train.LR, r.Train.NoBaseline = 1e-30, true // weights stay
	mustRun(t, r, newRecord().Env)
	begun, err := student.Load(r.Student.Arch)
	if err != nil {
		t.Fatal(err)
	}
	out, err := student.Load(unverified(r))
	if err != nil {
		t.Fatal(err)
	}
	if out.InputName() != "raw" {
		t.Errorf("the input is %q, want raw", out.InputName())
	}
	x, _ := clouds(20, 5)
	scaled := make([]float32, len(x))
	for i, v := range x {
		scaled[i] = (2*v - 1) / 4
	}
	a, b := make([]float32, 20*classes), make([]float32, 20*classes)
	ctx := context.Background()
	if err := begun.Predict(ctx, scaled, 20, a); err != nil {
		t.Fatal(err)
	}
	if err := out.Predict(ctx, x, 20, b); err != nil {
		t.Fatal(err)
	}
	for i := range a {
		if !(math.Abs(float64(a[i]-b[i])) <= 1e-4) {
			t.Fatalf("logit %d of raw rows is %g, of scaled rows %g", i, b[i], a[i])
		}
	}
}

// TestImportedDetects fine-tunes a net that was trained on standardised rows:
// what its input wants is found out, and is inside the exported student.
func TestImportedDetects(t *testing.T) {
	r := small(t)
	r.Student.Arch, r.Train.Epochs = "mlp:6", 12
	mustRun(t, r, newRecord().Env)
	m := mustModel(t, r.Output.Model)
	// Take the normalisation out: the file then wants standardised rows.
	g := m.Graph
	in := g.Inputs[0].Name
	for _, op := range []string{"Mul", "Add"} {
		if g.Nodes[0].OpType != op {
			t.Fatalf("the student begins with %s, expected %s", g.Nodes[0].OpType, op)
		}
		g.Nodes[1].Inputs[0] = in
		g.Nodes = g.Nodes[1:]
	}
	m.Metadata = nil
	g.Initializers = slices.DeleteFunc(g.Initializers, func(t *onnx.Tensor) bool { return strings.HasPrefix(t.Name, "input_") })
	bare := filepath.Join(t.TempDir(), "bare.onnx")
	if err := onnx.Write(bare, m); err != nil {
		t.Fatal(err)
	}
	env := newRecord()
	r.Student.Arch, r.Train.Epochs, r.Train.LR = bare, 1, 1e-6
	result := mustRun(t, r, env.Env)
	if !env.has("student: input range: standardised") {
		t.Errorf("what the student wants was not said: %q", env.lines)
	}
	if result.Student.Accuracy < 0.7 {
		t.Errorf("accuracy %g of a student that had learned before", result.Student.Accuracy)
	}
}

// softmaxed ends a model in Softmax.
func softmaxed(m *onnx.Model) {
	g := m.Graph
	out := g.Outputs[0].Name
	g.Nodes[len(g.Nodes)-1].Outputs[0] = "z"
	g.Nodes = append(g.Nodes, &onnx.Node{Name: "p", OpType: "Softmax", Inputs: []string{"z"}, Outputs: []string{out}, Attrs: []*onnx.Attr{onnx.IntAttr("axis", -1)}})
}

// TestImportedSoftmax trains the logits of a file that gives probabilities.
func TestImportedSoftmax(t *testing.T) {
	r, plain := stored(t), stored(t)
	r.Student.Arch, plain.Student.Arch = begun(t, features, classes, softmaxed), begun(t, features, classes, nil)
	env := newRecord()
	mustRun(t, r, env.Env)
	mustRun(t, plain, newRecord().Env)
	if !env.has("ends in Softmax") {
		t.Errorf("nobody was told: %q", env.lines)
	}
	a, b := weightsOf(t, unverified(r)), weightsOf(t, unverified(plain))
	for name, w := range b {
		if !slices.Equal(a[name], w) {
			t.Errorf("%s is %v, without Softmax %v", name, a[name], w)
		}
	}
}

// TestImportedRefused says in one line what does not fit, before or after the
// teacher is asked.
func TestImportedRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		path string
		kind fault.Kind
		text []string
	}{
		{"no file", filepath.Join(t.TempDir(), "none.onnx"), fault.IO, []string{"none.onnx", "no such file"}},
		{"classes", begun(t, features, classes+1, nil), fault.Input, []string{`begun.onnx: graph output "logits": has 4 values a row, expected 3, one for each class of the teacher`}},
		{"width", begun(t, features+1, classes, nil), fault.Input, []string{`begun.onnx: graph input "sizes": got rows of shape [4], expected [5]`}},
		{"op", begun(t, features, classes, func(m *onnx.Model) { m.Graph.Nodes[1].OpType = "Teapot" }), fault.Input, []string{"begun.onnx", "Teapot"}},
		{"no model", file("train.csv") + ".onnx", fault.IO, []string{"train.csv.onnx"}},
	} {
		r := stored(t)
		r.Student.Arch = c.path
		_, err := Run(context.Background(), r, newRecord().Env)
		faulttest.Want(t, err, c.kind, c.text...)
		if exists(unverified(r)) {
			t.Errorf("%s: there is a student", c.name)
		}
	}
	r := stored(t)
	r.Student.Arch, r.Student.Freeze = begun(t, features, classes, nil), []string{"nosuch*"}
	_, err := Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "--freeze", `"nosuch*"`, "fc1.weight")
	r.Student.Arch = "mlp:5"
	_, err = Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "--freeze", `"nosuch*"`)

	r.Student.Freeze = nil
	r.Student.Arch = begun(t, features, classes, nil)
	r.Output.Model = r.Student.Arch
	r.Output.Unverified = false
	_, err = Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "-o", "the student to begin with")
}

// TestInterruptedEverything stops and resumes the fine-tuning of a file with
// every setting of the optimisation in use, with and without validation rows.
func TestInterruptedEverything(t *testing.T) {
	for _, valSplit := range []float64{0, 0.1} {
		r := stored(t)
		r.Student.Arch, r.Student.Freeze = begun(t, features, classes, nil), []string{"fc1.bias"}
		r.Train.Optimizer, r.Train.LR, r.Train.Schedule, r.Train.Warmup = "lamb", 0.02, "one-cycle", 4
		r.Train.ClipValue, r.Train.MaxNorm, r.Train.EMA, r.Train.Accumulate = 0.2, 1.5, 0.8, 3
		r.Train.WeightDecay, r.Train.Decay, r.Train.Beta1, r.Train.Beta2 = 0.01, []string{"*.bias"}, 0.8, 0.98
		r.Data.ValSplit = valSplit
		mustRun(t, r, newRecord().Env)
		want := mustRead(t, unverified(r))
		again := r
		again.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
		interrupted(t, again, newRecord().Env, RoleStudent, 7)
		interrupted(t, again, newRecord().Env, RoleStudent, 20)
		changed := mustRead(t, r.Student.Arch)
		if err := os.WriteFile(r.Student.Arch, mustRead(t, begun(t, features, classes, func(m *onnx.Model) { m.ProducerName = "other" })), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Run(context.Background(), again, newRecord().Env)
		faulttest.Want(t, err, fault.Integrity, "student file", "--restart")
		if err := os.WriteFile(r.Student.Arch, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		mustRun(t, again, newRecord().Env)
		if !bytes.Equal(mustRead(t, unverified(again)), want) {
			t.Errorf("val split %g: the resumed student has other bytes", valSplit)
		}
		plain := r
		plain.Train.EMA, plain.Output.Model = 0, filepath.Join(t.TempDir(), "student.onnx")
		mustRun(t, plain, newRecord().Env)
		if bytes.Equal(mustRead(t, unverified(plain)), want) {
			t.Errorf("val split %g: the exported weights are not the averages", valSplit)
		}
	}
}

// TestAccumulateRun cuts every step in four: the same student but for rounding.
func TestAccumulateRun(t *testing.T) {
	r := stored(t)
	mustRun(t, r, newRecord().Env)
	cut := r
	cut.Train.Accumulate, cut.Output.Model = 4, filepath.Join(t.TempDir(), "student.onnx")
	mustRun(t, cut, newRecord().Env)
	want, got := weightsOf(t, unverified(r)), weightsOf(t, unverified(cut))
	for name, w := range want {
		for i, v := range w {
			if d := math.Abs(float64(v - got[name][i])); !(d <= 1e-4*(1+math.Abs(float64(v)))) {
				t.Errorf("%s[%d] is %g in four parts, %g whole", name, i, got[name][i], v)
			}
		}
	}
}
