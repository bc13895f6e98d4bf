package distill

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

func recipeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recipe.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMerge(t *testing.T) {
	r := Default()
	err := r.Merge(recipeFile(t, `
teacher: {model: big.onnx, timeout: 90s}
data:
  train: rows.csv
loss: {temperature: 8, beta: 0.25}
train:
  epochs: 3
  decay: ["!embed*", "*.bias"]
student: {freeze: [conv1.*]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Train.Decay, []string{"!embed*", "*.bias"}) || !slices.Equal(r.Student.Freeze, []string{"conv1.*"}) {
		t.Errorf("lists were read as %q and %q", r.Train.Decay, r.Student.Freeze)
	}
	d := Default()
	if r.Teacher.Model != "big.onnx" || r.Teacher.Timeout != 90*time.Second || r.Data.Train != "rows.csv" || r.Loss.Temperature != 8 ||
		r.Loss.Beta == nil || *r.Loss.Beta != 0.25 || r.Train.Epochs != 3 {
		t.Errorf("read %+v", r)
	}
	if r.Loss.Alpha != d.Loss.Alpha || r.Train.LR != d.Train.LR || r.Teacher.Kind != "auto" || r.Data.ValSplit != d.Data.ValSplit {
		t.Errorf("a section that names some keys changed others: %+v", r)
	}
	if err := r.Set("loss.temperature=2.5"); err != nil || r.Loss.Temperature != 2.5 || r.Train.Epochs != 3 {
		t.Errorf("set: %v, %+v", err, r)
	}
}

// TestBadRecipes names file, line and column.
func TestBadRecipes(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "loss:\n  heat: 4\n", "[2:3]"},
		{"unknown section", "los:\n  alpha: 1\n", "[1:1]"},
		{"repeated key", "train:\n  epochs: 4\n  epochs: 5\n", "[3:3]"},
		{"wrong type", "train:\n  epochs: many\n", "[2:11]"},
		{"a list", "train: [1, 2]\n", "[1:8]"},
		{"a fraction", "train:\n  epochs: 2.5\n", "[2:11]"},
		{"a fraction of what may be absent", "train:\n  parallel: 2.5\n", "[2:13]"},
		{"no YAML", "train: {epochs: 4\n", "[1:"},
		{"second document", "train: {epochs: 4}\n---\ntrain: {epochs: 5}\n", "one document"},
		{"empty", "", "the recipe is empty"},
		{"comments alone", "# to come\n", "the recipe is empty"},
		{"deep dashes", strings.Repeat("- ", 30_000), "nested"},
		{"aliases", "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\ntrain: [*c,*c,*c,*c]\n", ""},
		{"deep", strings.Repeat("[", 60_000), "nested"},
		{"deep blocks", deepBlocks(300), "nested"},
		{"too long", "# " + strings.Repeat("x", 1<<20), "limit of 65536 bytes"},
		{"not text", "\x00\xff\xfe", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, path := Default(), recipeFile(t, c.text)
			began := time.Now()
			faulttest.Want(t, r.Merge(path), fault.Usage, path, c.want)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	r := Default()
	faulttest.Want(t, r.Merge(filepath.Join(t.TempDir(), "none.yaml")), fault.IO, "none.yaml", "no such file")
	for _, s := range []string{"loss.temperature", "temperature=4", "a.b.c=4", "=", "loss.heat=4", "train.epochs=x"} {
		r := Default()
		faulttest.Want(t, r.Set(s), fault.Usage, "--set")
	}
	for s, want := range map[string]string{
		"loss.temperature=x":  `--set loss.temperature: got "x", expected a number`,
		"train.epochs=[1]":    "--set train.epochs: got a list, expected a whole number",
		"train.seed=-1":       "--set train.seed: got -1, out of range",
		"teacher.doctor=7":    `got "7", expected true or false`,
		"data.train={a: b}":   "got keys with values, expected a text",
		"teacher.timeout=x":   `time: invalid duration "x"`,
		"teacher.timeout=0.5": "expected a",
		"loss.heat=4":         `--set loss.heat: unknown field "heat"`,
	} {
		r := Default()
		faulttest.Want(t, r.Set(s), fault.Usage, want)
	}
}

func deepBlocks(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// TestSettings refuses every setting outside its range by flag and value,
// before any work.
func TestSettings(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		change func(*Recipe)
		flag   string
		value  string
	}{
		{func(r *Recipe) { r.Loss.Temperature = 0 }, "--temperature", "got 0"},
		{func(r *Recipe) { r.Loss.Temperature = -1 }, "--temperature", "got -1"},
		{func(r *Recipe) { r.Loss.Temperature = nan }, "--temperature", "got NaN"},
		{func(r *Recipe) { r.Loss.Temperature = inf }, "--temperature", "got +Inf"},
		{func(r *Recipe) { r.Loss.Temperature = 1e-30 }, "--temperature", "got 1e-30"},
		{func(r *Recipe) { r.Loss.Temperature = 1e30 }, "--temperature", "got 1e+30"},
		{func(r *Recipe) { r.Loss.Alpha = -0.1 }, "--alpha", "got -0.1"},
		{func(r *Recipe) { r.Loss.Alpha = 1.1 }, "--alpha", "got 1.1"},
		{func(r *Recipe) { r.Loss.Alpha = nan }, "--alpha", "got NaN"},
		{func(r *Recipe) { r.Loss.Beta = &nan }, "--beta", "got NaN"},
		{func(r *Recipe) { r.Loss.TemperatureSchedule = "linear:0" }, "--temperature-schedule", "got linear:0, which runs from 4 to 0, expected numbers in [0.01, 1000] all the way"},
		{func(r *Recipe) { r.Loss.TemperatureSchedule = "warmup:5" }, "--temperature-schedule", "got warmup:5, which runs from 0 to 4"},
		{func(r *Recipe) { r.Loss.TemperatureSchedule = "cosine:1e4" }, "--temperature-schedule", "runs from 4 to 10000"},
		{func(r *Recipe) { r.Loss.TemperatureSchedule = "tuesdays" }, "--temperature-schedule", `"tuesdays"`},
		{func(r *Recipe) { r.Loss.TemperatureSchedule = "1-alpha" }, "--temperature-schedule", `"1-alpha"`},
		{func(r *Recipe) { r.Loss.AlphaSchedule = "linear:1.5" }, "--alpha-schedule", "runs from 0.9 to 1.5, expected numbers in [0, 1]"},
		{func(r *Recipe) { r.Loss.AlphaSchedule = "warmup:5,-1" }, "--alpha-schedule", "runs from -1 to 0.9"},
		{func(r *Recipe) { b := 1.0; r.Loss.Beta, r.Loss.AlphaSchedule = &b, "linear:2e6" }, "--alpha-schedule", "in [0, 1e+06]"},
		{func(r *Recipe) { r.Loss.BetaSchedule = "linear:-1" }, "--beta-schedule", "runs from 0.1 to -1"},
		{func(r *Recipe) { b := 0.5; r.Loss.Beta, r.Loss.BetaSchedule = &b, "1-alpha" }, "--beta-schedule", "got 1-alpha, and --beta 0.5 beside it"},
		{func(r *Recipe) { b := 0.0; r.Loss.Beta, r.Loss.AlphaSchedule = &b, "linear:0" }, "--alpha-schedule and --beta-schedule", "both weights end at 0"},
		{func(r *Recipe) { r.Loss.Name, r.Loss.TemperatureSchedule = "logit-mse", "linear:1" }, "--temperature-schedule", "the loss logit-mse has no temperature"},
		{func(r *Recipe) { r.Loss.Name, r.Loss.AlphaSchedule = "hard-label", "warmup:5" }, "--alpha-schedule", "the loss hard-label has no alpha"},
		{func(r *Recipe) { r.Loss.Temperature, r.Loss.TemperatureSchedule = nan, "linear:1" }, "--temperature", "got NaN"},
		{func(r *Recipe) { r.Loss.Alpha, r.Loss.AlphaSchedule = 1.1, "linear:1" }, "--alpha", "got 1.1"},
		{func(r *Recipe) { r.Loss.Name = "lossy" }, "--loss", `"lossy"`},
		{func(r *Recipe) { r.Train.LR = 0 }, "--lr", "got 0"},
		{func(r *Recipe) { r.Train.LR = nan }, "--lr", "got NaN"},
		{func(r *Recipe) { r.Train.LR = 1e30 }, "--lr", "got 1e+30"},
		{func(r *Recipe) { r.Train.Batch = 0 }, "--batch", "got 0"},
		{func(r *Recipe) { r.Train.Batch = -1 }, "--batch", "got -1"},
		{func(r *Recipe) { r.Train.Epochs = 0 }, "--epochs", "got 0"},
		{func(r *Recipe) { r.Train.Momentum = 1 }, "--momentum", "got 1"},
		{func(r *Recipe) { r.Train.WeightDecay = nan }, "--weight-decay", "got NaN"},
		{func(r *Recipe) { r.Train.Clip = -1 }, "--clip", "got -1"},
		{func(r *Recipe) { r.Train.ClipValue = nan }, "--clip-value", "got NaN"},
		{func(r *Recipe) { r.Train.MaxNorm = -1 }, "--max-norm", "got -1"},
		{func(r *Recipe) { r.Train.EMA = 1 }, "--ema", "got 1"},
		{func(r *Recipe) { r.Train.Beta1 = 1 }, "--beta1", "got 1"},
		{func(r *Recipe) { r.Train.Beta2 = -0.5 }, "--beta2", "got -0.5"},
		{func(r *Recipe) { r.Train.Accumulate = 0 }, "--accumulate", "got 0"},
		{func(r *Recipe) { r.Train.Accumulate = 17 }, "--accumulate", "from 1 to 16"},
		{func(r *Recipe) { r.Train.Decay = []string{"[a"} }, "--decay", `"[a"`},
		{func(r *Recipe) { r.Student.Freeze = []string{""} }, "--freeze", `""`},
		{func(r *Recipe) { r.Train.Warmup = -1 }, "--warmup", "got -1"},
		{func(r *Recipe) { r.Train.Patience = -1 }, "--patience", "got -1"},
		{func(r *Recipe) { r.Train.Parallel = -1 }, "--parallel", "got -1"},
		{func(r *Recipe) { r.Train.Optimizer = "adamant" }, "optimizer", `"adamant"`},
		{func(r *Recipe) { r.Train.Augment = "noise=0.1 blur=3" }, "augment", `"blur=3"`},
		{func(r *Recipe) { r.Train.Schedule = "tuesdays" }, "schedule", `"tuesdays"`},
		{func(r *Recipe) { r.Data.ValSplit = 1 }, "--val-split", "got 1"},
		{func(r *Recipe) { r.Data.Labelled = -1 }, "--labelled", "got -1"},
		{func(r *Recipe) { r.Data.Limit = -1 }, "--limit", "got -1"},
		{func(r *Recipe) { r.Data.Train = "" }, "--train", "missing"},
		{func(r *Recipe) { r.Data.Train = Embedded }, "--train", "--test"},
		{func(r *Recipe) { r.Teacher.Model, r.Teacher.Store = "", "" }, "--teacher", "missing"},
		{func(r *Recipe) { r.Teacher.Model = Embedded }, "--teacher", "missing"},
		{func(r *Recipe) { r.Teacher.Kind = "guess" }, "--teacher-kind", `"guess"`},
		{func(r *Recipe) { r.Teacher.Input = "cooked" }, "--teacher-input", `"cooked"`},
		{func(r *Recipe) { r.Teacher.Batch = -1 }, "--teacher-batch", "got -1"},
		{func(r *Recipe) { r.Teacher.Timeout = -1 }, "--teacher-timeout", "got -1e-09"},
		{func(r *Recipe) { r.Teacher.Memory = -2 }, "--teacher-memory", "got -2"},
	} {
		r := small(t)
		c.change(&r)
		_, err := Run(context.Background(), r, newRecord().Env)
		faulttest.Want(t, err, fault.Usage, c.flag, c.value)
		if exists(filepath.Dir(r.Output.Model)) {
			t.Errorf("%s: the output's folder was made first", c.flag)
		}
	}
}

// TestRecipeInputs reads the forms that teacher.inputs may have.
func TestRecipeInputs(t *testing.T) {
	for text, want := range map[string]Inputs{
		`["x=a,b", "y=@1"]`:                         {"x=a,b", "y=@1"},
		"{x: a, y: [b, 'c d'], z: 0.5}":             {"x=a", "y=b,c d", "z=@0.5"},
		"{training: false, shape: [480, 640]}":      {"training=@false", "shape=@480,640"},
		`{image: "*", t: "@1e-3", big: -12}`:        {"image=*", "t=@1e-3", "big=@-12"},
		"{x: a}":                                    {"x=a"},
		"\n    sex: gender\n    age: [years, days]": {"sex=gender", "age=years,days"},
	} {
		r := Default()
		if err := r.Merge(recipeFile(t, "teacher:\n  inputs: "+text+"\n")); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if !slices.Equal(r.Teacher.Inputs, want) {
			t.Errorf("%s: got %q, expected %q", text, r.Teacher.Inputs, want)
		}
	}
	for text, want := range map[string]string{
		"3": "[2:11]", "{x: {y: 1}}": "[2:1", "{x: [a, 1]}": "columns alone, or numbers alone", "[1]": "NAME=COLUMN", "{x: []}": "columns alone",
	} {
		r := Default()
		faulttest.Want(t, r.Merge(recipeFile(t, "teacher:\n  inputs: "+text+"\n")), fault.Usage, want)
	}
	r := Default()
	if err := r.Set("teacher.inputs={x: a}"); err != nil || !slices.Equal(r.Teacher.Inputs, Inputs{"x=a"}) {
		t.Errorf("%q %v", r.Teacher.Inputs, err)
	}
}
