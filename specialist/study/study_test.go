package study

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/internal/killed"
	"github.com/kdonnx/kdonnx/specialist"
)

// TestStudy goes from rows to the page, with two seeds: every figure is that of
// the models that were left.
func TestStudy(t *testing.T) {
	dir := t.TempDir()
	r := recipe(problem, dir)
	r.Train.Seeds, r.Specialist.Students = 2, []string{distill.SameStudent, "mlp:9"}
	got, _ := mustRun(t, r)
	var parts []report.ModelPart
	for _, m := range got.Models {
		parts = append(parts, m.Part)
		if a := m.Scores["accuracy"]; len(a.Values) != 2 || a.Mean != (a.Values[0]+a.Values[1])/2 || m.Params <= 0 || m.FLOPs <= 0 {
			t.Errorf("%s: %+v", m.Name, m)
		}
	}
	want := []report.ModelPart{report.GeneralistPart, report.EnsemblePart, report.DistilledPart, report.DistilledPart, report.RivalPart, report.RivalPart}
	if !slices.Equal(parts, want) {
		t.Fatalf("models %v, expected %v", parts, want)
	}
	alone, together := got.Models[0], got.Models[1]
	for _, m := range got.Models[4:] { // rivals
		if math.Abs(float64(m.Params-together.Params)) > float64(alone.Params) {
			t.Errorf("%s: %d parameters, expected about %d", m.Name, m.Params, together.Params)
		}
	}
	if len(got.Tests) != 5+4 || got.Tests[0].Gain == nil || len(got.Students) != 2 || len(got.Seeds) != 2 || got.Verdict.Sentence == "" {
		t.Errorf("%d tests, %d students, seeds %v, verdict %q", len(got.Tests), len(got.Students), got.Seeds, got.Verdict.Sentence)
	}
	for i, seed := range []string{"seed-1", "seed-2"} { // the bundle that is left is the one that was judged
		b, err := specialist.ReadBundle(filepath.Join(dir, seed, trainStep))
		if err != nil {
			t.Fatal(err)
		}
		data, err := distill.OpenData(t.Context(), &r)
		if err != nil {
			t.Fatal(err)
		}
		e, err := specialist.OpenEnsemble(t.Context(), b, specialist.EnsembleOptions{Rows: data.Test})
		if err != nil {
			t.Fatal(err)
		}
		v, err := specialist.Evaluate(t.Context(), e, data.Test)
		e.Close()
		if err != nil {
			t.Fatal(err)
		}
		for k, errors := range []int{v.Generalist.Errors, v.Ensemble.Errors} {
			if got := got.Models[k].Scores["errors"].Values[i]; got != float64(errors) {
				t.Errorf("%s: %v errors of %s, expected %d", seed, got, parts[k], errors)
			}
		}
	}
	rows := 0
	for _, c := range got.Covering {
		rows += c.Rows
	}
	if rows != 2*got.Labelled || got.Labelled != 400 {
		t.Errorf("%d rows by covering specialists, %d labelled", rows, got.Labelled)
	}
	text, err := os.ReadFile(got.Files.JSON)
	if err != nil {
		t.Fatal(err)
	}
	var read Result
	if err := json.Unmarshal(text, &read); err != nil || len(read.Models) != 6 || read.Tests[3].P() != got.Tests[3].P() {
		t.Errorf("%v: the JSON is not the result", err)
	}
	var shown strings.Builder
	if err := got.Table(&shown); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"generalist", "with 3 specialists", "student mlp:9", "plain ensemble of", " ± ", "specialists with the row's class", "Specialists "} {
		if !strings.Contains(shown.String(), text) {
			t.Errorf("the table lacks %q:\n%s", text, &shown)
		}
	}
	for _, path := range []string{got.Files.Report, got.Files.CSV, got.Files.OneFile} {
		if s, err := os.Stat(path); err != nil || s.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestSplit requires the same rows of every seed, which draws other weights.
func TestSplit(t *testing.T) {
	r := recipe(problem, t.TempDir())
	r.Data.Test, r.Specialist.Rivals, r.Specialist.Students, r.Train.Seeds, r.Train.Epochs = "", false, nil, 2, 1
	mustRun(t, r)
	var had [2]record
	var fleets [2]durable.Identity // whose rows are those that specialists learned from
	for i, seed := range []string{"seed-1", "seed-2"} {
		text, err := os.ReadFile(filepath.Join(r.Specialist.Output, seed, generalistStep+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &had[i]); err != nil {
			t.Fatal(err)
		}
		if text, err = os.ReadFile(filepath.Join(r.Specialist.Output, seed, trainStep, "fleet", "fleet.id")); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &fleets[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, what := range []string{transferRows, labelledRows, validationRows} {
		if a, b := fleets[0].Rows[what], fleets[1].Rows[what]; a == "" || a != b {
			t.Errorf("%s of two seeds: %q and %q", what, a, b)
		}
	}
	if what := differs(had[0].Depends, had[1].Depends); what != "train.seed was 1 and is 2" {
		t.Errorf("between seeds: %s", what)
	}
	if slices.Equal(had[0].Result, had[1].Result) {
		t.Error("two seeds have the same generalist")
	}
}

// TestAgain runs a study that is done, then with other settings: only what
// depends on these is done again.
func TestAgain(t *testing.T) {
	base := recipe(problem, t.TempDir())
	base.Train.Epochs = 1
	steps := []string{"generalist", "clusters", "specialists", "evaluation", "one file", "student same", "rivals", "scores"}
	want := func(what string, l *logged, redone ...string) {
		t.Helper()
		for _, s := range steps {
			if again := !l.has(s + ": is done"); again != slices.Contains(redone, s) {
				t.Errorf("%s: %s done again: %v", what, s, again)
			}
		}
	}
	_, l := mustRun(t, base)
	want("at first", l, steps...)
	whole := files(t, base.Specialist.Output)
	_, l = mustRun(t, base)
	want("the same", l)
	for _, c := range []struct {
		key    string
		redone []string
	}{
		{"specialist.alpha=0.2", []string{"specialists", "evaluation", "one file", "student same", "scores"}},
		{"specialist.epochs=2", []string{"specialists", "evaluation", "one file", "student same", "scores"}},
		{"specialist.top=2", []string{"evaluation", "one file", "student same", "scores"}},
		{"specialist.parallel=3", nil},
		{"specialist.rivals=false", []string{"scores"}},
		{"data.test=" + filepath.Join(problem, "train.csv"), []string{"evaluation", "one file", "scores"}},
		{"teacher.threads=1", nil},
		{"loss.temperature=2", steps},
	} {
		r := base
		if err := r.Set(c.key); err != nil {
			t.Fatal(err)
		}
		_, l := mustRun(t, r)
		redone := c.redone
		if c.key == "specialist.rivals=false" {
			redone = append(redone, "rivals") // which are not asked for
		}
		want(c.key, l, redone...)
		mustRun(t, base)
	}
	if now := files(t, base.Specialist.Output); len(now) != len(whole) {
		t.Errorf("%d files, before %d", len(now), len(whole))
	} else {
		for path := range whole {
			if now[path] != whole[path] {
				t.Errorf("%s is another after the settings were changed and changed back", path)
			}
		}
	}
	damaged := filepath.Join(base.Specialist.Output, "seed-1", rivalsStep, "larger.onnx")
	if err := os.WriteFile(damaged, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, l = mustRun(t, base)
	want("a damaged model", l, "rivals")
}

// TestGiven takes a generalist from a file, with nobody who teaches its rivals.
func TestGiven(t *testing.T) {
	r := recipe(problem, t.TempDir())
	r.Specialist.Students, r.Specialist.Rivals = nil, false
	mustRun(t, r)
	other := r
	other.Specialist.Generalist = filepath.Join(r.Specialist.Output, "seed-1", generalistStep, "generalist.onnx")
	other.Specialist.Output, other.Teacher.Model, other.Specialist.Rivals, other.Data.Labelled = t.TempDir(), "", true, 0
	got, l := mustRun(t, other)
	if l.has("generalist: ") && l.has("epoch 1") {
		t.Error("a generalist was trained")
	}
	if len(got.Models) != 4 || got.Models[0].Scores["errors"].Mean <= 0 {
		t.Errorf("%+v", got.Models)
	}
}

// TestTeachersLabels has a generalist that has learned nothing, and labels on a
// third of the rows: specialists can tell classes apart only by the teacher's
// word for the others.
func TestTeachersLabels(t *testing.T) {
	r := recipe(problem, t.TempDir())
	r.Train.LR, r.Data.Labelled = 1e-6, 30
	r.Specialist.LR, r.Specialist.Epochs, r.Specialist.Alpha, r.Specialist.Top = 0.05, 10, 0, 6
	r.Specialist.Students, r.Specialist.Rivals = nil, false
	got, _ := mustRun(t, r)
	t.Logf("accuracy %v, of the generalist %v", got.Models[1].Scores["accuracy"].Mean, got.Models[0].Scores["accuracy"].Mean)
	if v := got.Models[1].Scores["accuracy"].Mean; v < 0.7 {
		t.Errorf("accuracy %v with specialists, expected at least 0.7; of the generalist %v", v, got.Models[0].Scores["accuracy"].Mean)
	}
}

// TestKilled kills a study again and again: each start goes on, and in the end
// there are the files of one that was left alone.
func TestKilled(t *testing.T) {
	killed.Again(t, 5, 2, problem, func(whole, dir string) { sameFiles(t, "killed", whole, dir) })
}

// TestCores requires the same bytes of one core and of two.
func TestCores(t *testing.T) {
	var dirs []string
	for _, cores := range []int{1, 2} {
		before := runtime.GOMAXPROCS(cores)
		r := recipe(problem, t.TempDir())
		_, err := Run(t.Context(), r, (&logged{}).env(problem))
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, r.Specialist.Output)
	}
	sameFiles(t, "two cores", dirs[0], dirs[1])
}

// TestRefuses gives recipes that make no sense, each a usage error in one line
// before anything is left.
func TestRefuses(t *testing.T) {
	nan := math.NaN()
	for what, c := range map[string]struct {
		change func(r *distill.Recipe)
		text   string
	}{
		"sets":        {func(r *distill.Recipe) { r.Specialist.Sets = -1 }, "--sets"},
		"many sets":   {func(r *distill.Recipe) { r.Specialist.Sets = 1 << 40 }, "--sets"},
		"each":        {func(r *distill.Recipe) { r.Specialist.ClassesEach = -3 }, "--classes-each"},
		"method":      {func(r *distill.Recipe) { r.Specialist.Method = "magic" }, "--method"},
		"head":        {func(r *distill.Recipe) { r.Specialist.Head = "" }, "--head"},
		"top":         {func(r *distill.Recipe) { r.Specialist.Top = 0 }, "--top"},
		"alpha":       {func(r *distill.Recipe) { r.Specialist.Alpha = nan }, "--specialist-alpha"},
		"temperature": {func(r *distill.Recipe) { r.Specialist.Temperature = 0 }, "--specialist-temperature"},
		"epochs":      {func(r *distill.Recipe) { r.Specialist.Epochs = -1 }, "--specialist-epochs"},
		"lr":          {func(r *distill.Recipe) { r.Specialist.LR = math.Inf(1) }, "--specialist-lr"},
		"parallel":    {func(r *distill.Recipe) { r.Specialist.Parallel = 1 << 20 }, "--parallel"},
		"output":      {func(r *distill.Recipe) { r.Specialist.Output = "" }, "-o"},
		"student":     {func(r *distill.Recipe) { r.Specialist.Students = []string{"mpl:3"} }, "--students"},
		"a file":      {func(r *distill.Recipe) { r.Specialist.Students = []string{"x.onnx"} }, "--students"},
		"twice":       {func(r *distill.Recipe) { r.Specialist.Students = []string{"same", "same"} }, "--students"},
		"arch":        {func(r *distill.Recipe) { r.Student.Arch = "own.onnx" }, "--student"},
		"budget":      {func(r *distill.Recipe) { r.Student.BudgetParams = "10k" }, "--student"},
		"hint":        {func(r *distill.Recipe) { r.Loss.Hint = "a=b" }, "--hint"},
		"unverified":  {func(r *distill.Recipe) { r.Output.Unverified = true }, "unverified"},
		"seeds":       {func(r *distill.Recipe) { r.Train.Seeds = 0 }, "--seeds"},
		"teacher":     {func(r *distill.Recipe) { r.Teacher.Model = "" }, "--teacher"},
		"sweep":       {func(r *distill.Recipe) { r.Sweep.Cells = 3 }, "sweep"},
	} {
		r := recipe(problem, filepath.Join(t.TempDir(), "out"))
		c.change(&r)
		_, err := Run(t.Context(), r, (&logged{}).env(problem))
		faulttest.Want(t, err, fault.Usage, c.text)
		if _, err := os.Stat(r.Specialist.Output); err == nil && r.Specialist.Output != "" {
			t.Errorf("%s: the folder was made", what)
		}
	}
	r := recipe(problem, t.TempDir())
	_, err := distill.Run(t.Context(), r, (&logged{}).env(problem)) // which is not for such a recipe
	faulttest.Want(t, err, fault.Usage, "kdonnx specialist run")
}

// TestRights holds that rows answered rightly are read back as they were.
func TestRights(t *testing.T) {
	for n := range 20 {
		want := make(rights, n)
		for i := range want {
			want[i] = i%3 == 1
		}
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got rights
		if err := got.UnmarshalText(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d rows: %v, %v", n, got, err)
		}
	}
	for _, bad := range []string{"", "A", "CA==", "AQ=="} {
		if err := new(rights).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestDefaultRecipe holds the recipe that is shipped to what is done without
// one.
func TestDefaultRecipe(t *testing.T) {
	got, want := distill.Default(), DefaultRecipe()
	if err := got.Merge("../../recipes/specialists.yaml"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: recipes/specialists.yaml reads as %+v, expected %+v", err, got, want)
	}
}
