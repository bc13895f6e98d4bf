package distill

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models/embedded"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// characters is a run on a few of the embedded characters: a small
// convolutional student whose maps are hinted by those of the embedded teacher.
func characters(t *testing.T) Recipe {
	t.Helper()
	dir := t.TempDir()
	teacher, err := embedded.Unpack(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := Default()
	r.Teacher.Model, r.Data.Train, r.Data.Test = teacher, "glyphs:train?rows=300&seed=5", "glyphs:test?rows=60&seed=5"
	r.Teacher.Prep, r.Teacher.Doctor = "scale=1", false
	r.Student.Arch, r.Loss.Hint = "cnn:4,8?hidden=0", "maxpool_2=maxpool_2"
	r.Train.Epochs, r.Train.NoBaseline, r.Train.Optimizer, r.Train.LR = 3, true, "adam", 0.01
	r.Output.Model = filepath.Join(dir, "student.onnx")
	return r
}

// graphOf lists what a file's graph is made of, without the weights.
func graphOf(t *testing.T, path string) []string {
	t.Helper()
	m, err := onnx.Read(path, onnx.ReadOptions{Weights: true, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, n := range m.Graph.Nodes {
		all = append(all, fmt.Sprint(n.OpType, n.Inputs, n.Outputs))
	}
	for _, w := range m.Graph.Initializers {
		all = append(all, fmt.Sprint(w.Name, w.Dims))
	}
	for _, v := range m.Graph.Outputs {
		all = append(all, v.Name)
	}
	return all
}

// TestHint is the whole line on images: the hint's term falls, what leaves is
// the student alone, and a run that is interrupted ends with the same bytes.
func TestHint(t *testing.T) {
	r, env := characters(t), newRecord()
	result := mustRun(t, r, env.Env)
	first, last := result.History.Student[0].Train.Hint, result.History.Student[2].Train.Hint
	if !(last < 0.8*first && last > 0) {
		t.Errorf("the hint's term went from %v to %v, expected it to fall", first, last)
	}
	const formula = `plus 1·MSE(r(h), (u − μ)/σ): h the student's "maxpool_2", r a 1×1 convolution 8×7×7 → 48×7×7, u the teacher's "maxpool_2"`
	if !env.has(formula) || !strings.Contains(result.Provenance.Loss, formula) {
		t.Errorf("the formula is %q, expected %q", result.Provenance.Loss, formula)
	}
	if text := string(mustRead(t, result.Files.Stream)); !strings.Contains(text, "h the student's") {
		t.Errorf("the stream's formula lacks the hint: %.300s", text)
	}
	if text := string(mustRead(t, result.Files.Metrics)); !strings.Contains(text, `"hint":`) {
		t.Error("metrics.json has no hint")
	}
	if !result.Parity.Passed {
		t.Errorf("parity %+v", result.Parity)
	}
	plain := r
	plain.Loss.Hint, plain.Output.Model = "", filepath.Join(t.TempDir(), "plain.onnx")
	without := mustRun(t, plain, newRecord().Env)
	if a, b := graphOf(t, r.Output.Model), graphOf(t, plain.Output.Model); !slices.Equal(a, b) {
		t.Errorf("the exported graph is\n%q, expected that of a student without hint\n%q", a, b)
	}
	if result.Student.Params != without.Student.Params || result.Student.FLOPs != without.Student.FLOPs {
		t.Errorf("%d parameters and %d FLOPs, expected %d and %d", result.Student.Params, result.Student.FLOPs, without.Student.Params, without.Student.FLOPs)
	}
	if string(mustRead(t, r.Output.Model)) == string(mustRead(t, plain.Output.Model)) || strings.Contains(string(mustRead(t, without.Files.Metrics)), `"hint"`) {
		t.Error("the hint changed nothing, or is told of where there is none")
	}

	again := r
	again.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	interrupted(t, again, newRecord().Env, RoleStudent, 3)
	changed := again
	changed.Loss.HintWeight = 2
	_, err := Run(context.Background(), changed, newRecord().Env)
	faulttest.Want(t, err, fault.Integrity, "hint weight: ", "another run")
	changed = again
	changed.Loss.Hint = ""
	_, err = Run(context.Background(), changed, newRecord().Env)
	faulttest.Want(t, err, fault.Integrity, "hint: ", "another run")
	interrupted(t, again, newRecord().Env, RoleStudent, 5)
	mustRun(t, again, newRecord().Env)
	if string(mustRead(t, again.Output.Model)) != string(mustRead(t, r.Output.Model)) {
		t.Error("the resumed student has other bytes")
	}
}

// hintedClouds is small with a hint from the teacher's hidden layer.
func hintedClouds(t *testing.T) Recipe {
	r := small(t)
	r.Loss.Hint, r.Train.NoBaseline = "relu_1=relu_1", true
	return r
}

// TestHintTargets trains from a store that was filled ahead, with the teacher
// and from stores alone.
func TestHintTargets(t *testing.T) {
	r, env := lively(hintedClouds(t)), newRecord()
	mustRun(t, r, env.Env)
	want := mustRead(t, r.Output.Model)
	dir := ""
	for _, line := range env.lines {
		if _, path, ok := strings.Cut(line, " rows of 24 values in "); ok {
			dir = path
		}
	}
	if dir == "" {
		t.Fatalf("nobody was told of the store: %q", env.lines)
	}
	r.Loss.HintTargets, r.Output.Model = dir, filepath.Join(t.TempDir(), "student.onnx")
	mustRun(t, r, newRecord().Env)
	if string(mustRead(t, r.Output.Model)) != string(want) {
		t.Error("from the store that was filled ahead the student has other bytes")
	}

	alone := lively(stored(t))
	alone.Loss.Hint, alone.Loss.HintTargets, alone.Train.NoBaseline = r.Loss.Hint, dir, true
	result := mustRun(t, alone, newRecord().Env)
	if h := result.History.Student; !(h[len(h)-1].Train.Hint > 0) {
		t.Errorf("no hint in %+v", h)
	}
	want = mustRead(t, unverified(alone))
	alone.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	for _, n := range []int64{5, 19} {
		interrupted(t, alone, newRecord().Env, RoleStudent, n)
	}
	resumed := mustRun(t, alone, newRecord().Env)
	if string(mustRead(t, unverified(alone))) != string(want) {
		t.Error("the resumed student has other bytes")
	}
	for i, e := range resumed.History.Student {
		if h := result.History.Student[i]; e.Train != h.Train {
			t.Errorf("epoch %d of the resumed run has %+v, expected %+v", e.Epoch, e.Train, h.Train)
		}
	}

	for _, c := range []struct {
		name, hint, dir string
		kind            fault.Kind
		text            string
	}{
		{"another value", "gemm_1=relu_1", dir, fault.Input, `expected values of "gemm_1"`},
		{"logits", "relu_1=relu_1", alone.Teacher.Store, fault.Input, "holds logits of"},
		{"no store", "relu_1=relu_1", t.TempDir(), fault.Input, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := alone
			bad.Loss.Hint, bad.Loss.HintTargets, bad.Output.Model = c.hint, c.dir, filepath.Join(t.TempDir(), "s.onnx")
			_, err := Run(context.Background(), bad, newRecord().Env)
			if err == nil || !strings.Contains(err.Error(), c.text) || exists(unverified(bad)) {
				t.Errorf("error %v, expected one with %q", err, c.text)
			}
		})
	}
}

// TestHintOfEveryRow computes the teacher's hidden layer by hand: each row of
// a mini-batch has its own, and mean and deviation are those over the transfer
// set.
func TestHintOfEveryRow(t *testing.T) {
	s := open(t, hintedClouds(t))
	d, err := s.run(t.Context(), Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Read(file("teacher.onnx"), onnx.ReadOptions{Weights: true})
	if err != nil {
		t.Fatal(err)
	}
	values := func(name string) []float32 {
		v, err := m.Graph.Initializer(name).Float32s()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var weight, bias []float32
	for _, n := range m.Graph.Nodes {
		if n.OpType == "Gemm" && weight == nil {
			weight, bias = values(n.Inputs[1]), values(n.Inputs[2])
			if n.AttrInt("transB", 0) != 1 {
				t.Fatal("the weights are (in, out), expected (out, in)")
			}
		}
	}
	hidden := func(x []float32, k int) float64 { // of a raw row: the teacher's input is 0.5·x − 2.5
		sum := float64(bias[k])
		for f, v := range x {
			sum += (0.5*float64(v) - 2.5) * float64(weight[k*features+f])
		}
		return max(0, sum)
	}
	const width = 24
	n, mean, square := d.train.src.Len(), make([]float64, width), make([]float64, width)
	for i := range n {
		var b dataset.Batch
		if err := d.train.src.Read(t.Context(), []int{i}, &b); err != nil {
			t.Fatal(err)
		}
		for k := range width {
			v := hidden(b.X, k)
			mean[k] += v / float64(n)
			square[k] += v * v / float64(n)
		}
	}
	h, variance := d.teacher.hint, 0.0
	for k := range width {
		if math.Abs(float64(h.mean[k])-mean[k]) > 1e-5 {
			t.Errorf("mean %d is %v, expected %v", k, h.mean[k], mean[k])
		}
		variance += (square[k] - mean[k]*mean[k]) / width
	}
	if math.Abs(h.std-math.Sqrt(variance)) > 1e-5 {
		t.Errorf("deviation %v, expected %v", h.std, math.Sqrt(variance))
	}
	order := []int{17, 3, 250, 4, 3}
	mini := &mini{}
	if err := errors.Join(d.train.learn(t.Context(), order, 1, 0, mini), d.train.hints(order, mini)); err != nil {
		t.Fatal(err)
	}
	for i := range order {
		for k := range width {
			if want := hidden(mini.raw.X[i*features:(i+1)*features], k); math.Abs(float64(mini.hint[i*width+k])-want) > 1e-5 {
				t.Fatalf("row %d, value %d: %v, expected %v", order[i], k, mini.hint[i*width+k], want)
			}
		}
	}
}

// TestHintMixes requires of mixed rows the hints mixed in their shares.
func TestHintMixes(t *testing.T) {
	r := hintedClouds(t)
	s := open(t, r)
	at := func(augment string, order []int) *mini {
		r := s.Recipe()
		r.Train.Augment = augment
		d, err := s.run(t.Context(), Trial{Recipe: r, Role: RoleStudent, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		m := &mini{}
		if err := errors.Join(d.train.learn(t.Context(), order, 1, 0, m), d.train.hints(order, m)); err != nil {
			t.Fatal(err)
		}
		return m
	}
	order := []int{5, 9, 2, 300}
	mixed := at("mixup=0.4", order)
	own, others := at("", order), at("", mixed.others.Rows)
	for i, share := range mixed.others.Shares {
		for k := range 24 {
			want := share*own.hint[i*24+k] + (1-share)*others.hint[i*24+k]
			if got := mixed.hint[i*24+k]; math.Abs(float64(got-want)) > 1e-5 {
				t.Fatalf("row %d, value %d: %v, expected %v at a share of %v", i, k, got, want, share)
			}
		}
	}
}

// TestHintEpochs requires the loss to be made of its terms, and of the hint's
// in the first epochs alone.
func TestHintEpochs(t *testing.T) {
	r := hintedClouds(t)
	r.Loss.HintWeight, r.Loss.HintEpochs, r.Train.Accumulate = 3, 2, 2
	s := open(t, r)
	out := follow(t, s, Trial{Recipe: s.Recipe(), Role: RoleStudent, Dir: t.TempDir()})
	for i, e := range out.History {
		want := 0.9*16*e.Soft + 0.1*e.Hard
		if i < 2 {
			want += 3 * e.Hint
		}
		if math.Abs(e.Loss-want) > 1e-9 || !(e.Hint > 0) {
			t.Errorf("epoch %d: loss %v with a hint's term of %v, expected %v", e.Epoch, e.Loss, e.Hint, want)
		}
	}
	if !strings.Contains(out.Formula, "plus 3·MSE") || !strings.Contains(out.Formula, "in the first 2 epochs") {
		t.Errorf("formula %q", out.Formula)
	}
	// A trial may go without it, but not with another.
	other := s.Recipe()
	other.Loss.Hint, other.Loss.HintWeight, other.Loss.HintEpochs = "", 1, 0
	if alone := follow(t, s, Trial{Recipe: other, Role: RoleStudent, Dir: t.TempDir()}); alone.History[0].Hint != 0 {
		t.Errorf("a trial without hint has a term of %v", alone.History[0].Hint)
	}
	other.Loss.Hint = "gemm_1=relu_1"
	_, err := s.Train(t.Context(), Trial{Recipe: other, Role: RoleStudent, Dir: t.TempDir()})
	faulttest.Want(t, err, fault.Usage, "--hint: ", "session")
}

func TestHintRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Recipe)
		texts  []string
	}{
		"no value of the teacher": {func(r *Recipe) { r.Loss.Hint = "relu_9=relu_1" }, []string{"teacher.onnx", "--hint: ", `no value "relu_9"`, `"relu_1"`, "kdonnx inspect --values"}},
		"no value of the student": {func(r *Recipe) { r.Loss.Hint = "relu_1=rlu_1" }, []string{`no value "rlu_1"`, `such as "relu_1"`, "kdonnx list values mlp:6"}},
		"not trained":             {func(r *Recipe) { r.Loss.Hint = "relu_1=mul_1" }, []string{`no value "mul_1" that is trained`}},
		"one name":                {func(r *Recipe) { r.Loss.Hint = "relu_1" }, []string{"--hint: ", "TEACHER_VALUE=STUDENT_VALUE"}},
		"half a name":             {func(r *Recipe) { r.Loss.Hint = "relu_1=" }, []string{"--hint: ", "TEACHER_VALUE=STUDENT_VALUE"}},
		"weight":                  {func(r *Recipe) { r.Loss.HintWeight = -1 }, []string{"--hint-weight: got -1", "[0, 1e6]"}},
		"weight that is none":     {func(r *Recipe) { r.Loss.HintWeight = math.NaN() }, []string{"--hint-weight: got NaN"}},
		"epochs":                  {func(r *Recipe) { r.Loss.HintEpochs = -1 }, []string{"--hint-epochs: got -1"}},
		"weight of none":          {func(r *Recipe) { r.Loss.Hint, r.Loss.HintWeight = "", 2 }, []string{"--hint: missing"}},
		"epochs of none":          {func(r *Recipe) { r.Loss.Hint, r.Loss.HintEpochs = "", 1 }, []string{"--hint: missing"}},
		"store of none":           {func(r *Recipe) { r.Loss.Hint, r.Loss.HintTargets = "", "x" }, []string{"--hint: missing"}},
		"no model":                {func(r *Recipe) { r.Teacher.Model, r.Teacher.Store = "", "x" }, []string{"--hint-targets"}},
		"no teacher":              {func(r *Recipe) { r.Teacher.Model = NoTeacher }, []string{"no teacher"}},
		"an ensemble": {func(r *Recipe) {
			r.Teacher.Model, r.Teacher.Ensemble = "", []MemberRecipe{{ModelRecipe: ModelRecipe{Model: file("teacher.onnx")}}, {ModelRecipe: ModelRecipe{Model: file("teacher.onnx")}}}
		}, []string{"ensemble of 2", "--hint-targets"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := hintedClouds(t)
			c.change(&r)
			env := newRecord()
			env.Cache = t.TempDir()
			_, err := Run(context.Background(), r, env.Env)
			faulttest.Want(t, err, fault.Usage, c.texts...)
			if entries, _ := os.ReadDir(filepath.Join(env.Cache, "targets")); len(entries) > 0 || exists(r.Output.Model) {
				t.Error("refused only after work was done")
			}
		})
	}
}
