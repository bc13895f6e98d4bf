package distill

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// taskProblem is a small task with a teacher that knows what its labels were
// drawn from.
type taskProblem struct {
	task    dataset.Task
	targets []string
	teacher string // model.onnx
	train   string
	test    string
	few     string // a tenth of train's rows
}

const taskFeatures = 6

// makeTaskProblem writes the files of a task into dir. Of numbers, the labels
// are the teacher's with noise; of labels, they are drawn with the teacher's
// probabilities.
func makeTaskProblem(t *testing.T, task dataset.Task) taskProblem {
	t.Helper()
	dir := t.TempDir()
	p := taskProblem{task: task, targets: []string{"price", "area"}, teacher: filepath.Join(dir, "model.onnx")}
	if task == dataset.MultiLabel {
		p.targets = []string{"red", "green", "blue", "round", "big"}
	}
	m, err := models.Build("mlp:16", models.Input{Name: "x", Shape: []int{taskFeatures}, Scale: []float32{0.5}}, len(p.targets), 5)
	if err != nil {
		t.Fatal(err)
	}
	if task == dataset.Regression {
		err = models.Suffix(m, "y", []float32{2500, 0.3}, []float32{9000, 1.5})
	} else {
		err = models.Suffix(m, "z", []float32{9, 9, 9, 9, 9}, []float32{0, 1, -1, 0, 0})
	}
	if err != nil {
		t.Fatal(err)
	}
	net, err := student.FromModel(m, "teacher")
	if err != nil {
		t.Fatal(err)
	}
	for name, rows := range map[*string]struct {
		n    int
		seed uint64
	}{&p.train: {1500, 1}, &p.test: {600, 2}, &p.few: {150, 3}} {
		*name = filepath.Join(dir, fmt.Sprintf("%d.csv", rows.seed))
		if err := os.WriteFile(*name, p.rows(t, net, rows.n, rows.seed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if task == dataset.MultiLabel { // as a framework exports it: probabilities
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "sigmoid", OpType: "Sigmoid", Inputs: []string{"z"}, Outputs: []string{"probabilities"}})
		m.Graph.Outputs[0].Name = "probabilities"
	}
	m.Metadata = nil
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.teacher, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// rows are n rows as CSV, of which every tenth lacks its labels.
func (p taskProblem) rows(t *testing.T, net *student.Student, n int, seed uint64) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	x := make([]float32, n*taskFeatures)
	for i := range x {
		x[i] = float32(math.Round(1000*3*r.NormFloat64()) / 1000)
	}
	k := len(p.targets)
	z := make([]float32, n*k)
	if err := net.Predict(context.Background(), x, n, z); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for f := range taskFeatures {
		fmt.Fprintf(&b, "f%d,", f)
	}
	b.WriteString(strings.Join(p.targets, ",") + "\n")
	for i := range n {
		for f := range taskFeatures {
			fmt.Fprintf(&b, "%v", x[i*taskFeatures+f])
			b.WriteByte(',')
		}
		cells := make([]string, k)
		for c := range cells {
			switch {
			case i%10 == 9:
			case p.task == dataset.Regression:
				cells[c] = fmt.Sprint(float32(float64(z[i*k+c]) * (1 + 0.03*r.NormFloat64())))
			default:
				cells[c] = "0"
				if r.Float64() < 1/(1+math.Exp(-float64(z[i*k+c]))) {
					cells[c] = "1"
				}
			}
		}
		b.WriteString(strings.Join(cells, ",") + "\n")
	}
	return []byte(b.String())
}

// recipe distils the teacher of p into a small net.
func (p taskProblem) recipe(t *testing.T) Recipe {
	r := Default()
	r.Teacher.Model = p.teacher
	r.Data = DataRecipe{Train: p.train, Test: p.test, Label: strings.Join(p.targets, ","), ValSplit: 0.1}
	r.Student.Arch = "mlp:32"
	r.Train.Epochs, r.Train.Batch, r.Train.Optimizer, r.Train.LR = 40, 32, "adam", 0.01
	r.Output.Model = filepath.Join(t.TempDir(), "student.onnx")
	return r
}

// TestTasks goes the whole line for labels and numbers: the student comes near
// the teacher, says what it predicts, and both engines agree on it.
func TestTasks(t *testing.T) {
	for _, task := range []dataset.Task{dataset.MultiLabel, dataset.Regression} {
		t.Run(task.String(), func(t *testing.T) {
			p := makeTaskProblem(t, task)
			r := p.recipe(t)
			env := newRecord()
			env.Cache = t.TempDir()
			result := mustRun(t, r, env.Env)
			teacher, pupil := result.Teacher, result.Student
			near := pupil.Agreement >= 0.95
			if task == dataset.Regression {
				near = near && pupil.R2 >= 0.95*teacher.R2 && teacher.R2 > 0.8
				if first := result.History.Student[0].Train.Total; first > 5 { // prices are in thousands
					t.Errorf("the first epoch has a loss of %v, expected one in deviations", first)
				}
			} else {
				near = near && pupil.MicroF1 >= 0.95*teacher.MicroF1 && teacher.MicroF1 > 0.7
			}
			var table strings.Builder
			result.Table(&table)
			t.Logf("\n%s%s", &table, result.Verdict.Sentence)
			if !near {
				t.Error("the student is not near the teacher")
			}
			if pupil.Labelled != 540 || pupil.N != 600 || pupil.Compared != 600 || result.Baseline.Labelled != 540 {
				t.Errorf("judged on %d labelled of %d rows, compared on %d", pupil.Labelled, pupil.N, pupil.Compared)
			}
			if !result.Parity.Passed || (result.Verdict.Wilcoxon != nil) != (task == dataset.Regression) || (result.Verdict.McNemar != nil) != (task == dataset.MultiLabel) {
				t.Errorf("parity %+v, verdict %+v", result.Parity, result.Verdict)
			}
			p.verify(t, r.Output.Model, result)
			for _, path := range []string{result.Files.Report, result.Files.Metrics} {
				text := string(mustRead(t, path))
				for _, name := range p.targets {
					if !strings.Contains(text, name) {
						t.Errorf("%s does not name %s", path, name)
					}
				}
			}
		})
	}
}

// verify opens the exported student as a stranger would.
func (p taskProblem) verify(t *testing.T, path string, result *Result) {
	t.Helper()
	ctx := context.Background()
	o, err := RowsOf(path)
	if err != nil || o.Task != p.task.String() || strings.Join(o.Targets, " ") != strings.Join(p.targets, " ") {
		t.Fatalf("the file says %+v, %v", o, err)
	}
	src, err := OpenRows(ctx, p.test, "test", false, o, RowLimit{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for _, engine := range []string{EngineORT, EngineNative} {
		tr := Default().Teacher
		tr.Model = path
		m, err := OpenModel(ctx, engine, tr, src, "", t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		got, err := Evaluate(ctx, m, src, nil)
		m.Close()
		if err != nil {
			t.Fatal(err)
		}
		want := result.Student.Result
		if got.Task != p.task || strings.Join(m.ClassNames, " ") != strings.Join(p.targets, " ") || got.Errors != want.Errors {
			t.Errorf("%s: %s of %q, %d errors, expected %d", engine, got.Task, m.ClassNames, got.Errors, want.Errors)
		}
		if p.task == dataset.Regression && math.Abs(got.RMSE-want.RMSE) > 1e-4*want.RMSE {
			t.Errorf("%s: RMSE %v, expected %v", engine, got.RMSE, want.RMSE)
		}
	}
	v, err := Verify(ctx, path, src, "")
	if err != nil || !v.Parity.Within {
		t.Errorf("verify: %v", err)
	}
}

// TestTasksAreDeterministic: a run that is interrupted, or has another number
// of processors, ends with the same bytes.
func TestTasksAreDeterministic(t *testing.T) {
	for _, task := range []dataset.Task{dataset.MultiLabel, dataset.Regression} {
		t.Run(task.String(), func(t *testing.T) {
			p := makeTaskProblem(t, task)
			cache := t.TempDir()
			run := func(change func(r *Recipe), at ...int64) []byte {
				t.Helper()
				r := p.recipe(t)
				r.Data.Train = p.few
				r.Train.Epochs, r.Train.Augment, r.Train.Optimizer = 4, "noise=0.1 mixup=0.4", "adamw"
				change(&r)
				env := newRecord()
				env.Cache = cache
				for _, n := range at {
					interrupted(t, r, env.Env, RoleStudent, n)
				}
				mustRun(t, r, env.Env)
				return mustRead(t, r.Output.Model)
			}
			nothing := func(*Recipe) {}
			want := run(nothing)
			if string(run(nothing, 1, 7)) != string(want) {
				t.Error("resumed twice, the student has other bytes")
			}
			for _, n := range []int{1, 2} {
				before := runtime.GOMAXPROCS(n)
				if string(run(nothing)) != string(want) {
					t.Errorf("GOMAXPROCS %d: the student has other bytes", n)
				}
				runtime.GOMAXPROCS(before)
			}
			if string(run(func(r *Recipe) { r.Loss.Alpha = 0.5 })) == string(want) {
				t.Error("another weight of the teacher changes nothing")
			}
		})
	}
}

// TestTasksRefuse: rows, teacher and loss that do not go together are told
// apart before anything is spent.
func TestTasksRefuse(t *testing.T) {
	p := makeTaskProblem(t, dataset.Regression)
	for name, c := range map[string]struct {
		change func(r *Recipe)
		kind   fault.Kind
		texts  []string
	}{
		"a loss of classes":           {func(r *Recipe) { r.Loss.Name = "classic" }, fault.Usage, []string{`--loss: got "classic", which is not for regression, expected one of regression, regression-huber`}},
		"and said so":                 {func(r *Recipe) { r.Loss.Name, r.Data.Task = "classic", "regression" }, fault.Usage, []string{"--loss", "regression-huber"}},
		"a loss that is none":         {func(r *Recipe) { r.Loss.Name = "mse" }, fault.Usage, []string{"--loss"}},
		"a task that is none":         {func(r *Recipe) { r.Data.Task = "ranking" }, fault.Usage, []string{"--task", "ranking"}},
		"a delta out of range":        {func(r *Recipe) { r.Loss.Name, r.Data.Task, r.Loss.Delta = "regression-huber", "regression", -1 }, fault.Usage, []string{"--huber-delta"}},
		"rows of classes":             {func(r *Recipe) { *r = withData(*r, file("train.csv"), file("test.csv"), "label") }, 0, []string{"model.onnx"}},
		"one of two numbers":          {func(r *Recipe) { r.Data.Label = "price" }, 0, []string{""}},
		"classes, and asked to be so": {func(r *Recipe) { r.Data.Task = "multi-class" }, fault.Input, []string{"2 columns for one class"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := p.recipe(t)
			c.change(&r)
			_, err := Run(context.Background(), r, newRecord().Env)
			if err == nil {
				t.Fatal("no error")
			}
			t.Log(err)
			if c.kind != 0 {
				faulttest.Want(t, err, c.kind, c.texts...)
			}
			if exists(r.Output.Model) {
				t.Error("there is a student")
			}
		})
	}
}

func withData(r Recipe, train, test, label string) Recipe {
	r.Data.Train, r.Data.Test, r.Data.Label = train, test, label
	return r
}

// TestUnlabelledNumbers distils from rows of which none has a label: the
// task is the teacher's.
func TestUnlabelledNumbers(t *testing.T) {
	p := makeTaskProblem(t, dataset.Regression)
	r := p.recipe(t)
	bare := func(path string) string {
		lines := strings.Split(strings.TrimSpace(string(mustRead(t, path))), "\n")
		for i, l := range lines {
			lines[i] = strings.Join(strings.Split(l, ",")[:taskFeatures], ",")
		}
		to := filepath.Join(t.TempDir(), "bare.csv")
		if err := os.WriteFile(to, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return to
	}
	r.Data.Train, r.Data.Test, r.Data.Label, r.Data.Task = bare(p.train), bare(p.test), "", "regression"
	r.Train.Epochs, r.Loss.Name = 15, "regression-huber"
	result := mustRun(t, r, newRecord().Env)
	if result.Student.Labelled != 0 || result.Student.Agreement < 0.9 || result.Baseline != nil {
		t.Errorf("R² %v against the teacher, %d labelled", result.Student.Agreement, result.Student.Labelled)
	}
	// few labels and many rows without
	r = p.recipe(t)
	r.Data.Train, r.Data.Unlabelled = p.few, bare(p.train)
	r.Train.Epochs = 15
	result = mustRun(t, r, newRecord().Env)
	if result.Student.R2 < 0.8 || result.Baseline == nil {
		t.Errorf("R² %v, baseline %v", result.Student.R2, result.Baseline)
	}
}

// TestFineTunedNumbers goes on from an exported student of numbers, whose
// scale stays what it is.
func TestFineTunedNumbers(t *testing.T) {
	p := makeTaskProblem(t, dataset.Regression)
	r := p.recipe(t)
	r.Train.Epochs, r.Train.NoBaseline = 4, true
	first := mustRun(t, r, newRecord().Env)
	tuned := p.recipe(t)
	tuned.Student.Arch, tuned.Train.Epochs, tuned.Train.LR, tuned.Train.NoBaseline = r.Output.Model, 12, 0.003, true
	second := mustRun(t, tuned, newRecord().Env)
	if second.Student.Agreement <= first.Student.Agreement {
		t.Errorf("R² against the teacher went from %v to %v", first.Student.Agreement, second.Student.Agreement)
	}
	m, err := onnx.Read(tuned.Output.Model, onnx.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if task, _ := m.Meta(export.MetaPrefix + export.TaskKey); task != "regression" {
		t.Errorf("the file says that its task is %q", task)
	}
	scales := 0
	for _, i := range m.Graph.Initializers {
		if strings.HasPrefix(i.Name, "output_scale") {
			scales++
		}
	}
	if scales != 1 {
		t.Errorf("the output is scaled %d times", scales)
	}
}

// TestFineTunedLabels trains somebody's net on that ends in Sigmoid.
func TestFineTunedLabels(t *testing.T) {
	p := makeTaskProblem(t, dataset.MultiLabel)
	r := p.recipe(t)
	r.Student.Arch, r.Train.Epochs, r.Train.LR, r.Train.NoBaseline = p.teacher+".copy.onnx", 2, 0.0001, true
	if err := os.WriteFile(r.Student.Arch, mustRead(t, p.teacher), 0o644); err != nil {
		t.Fatal(err)
	}
	env := newRecord()
	result := mustRun(t, r, env.Env)
	if !env.has("ends in Sigmoid, which is left out") || result.Student.Agreement < 0.99 {
		t.Errorf("agreement %v, %q", result.Student.Agreement, env.lines)
	}
}

// TestMixedNumbers: mixup mixes what is known of two rows, and what the teacher
// says of them, in the shares of the rows; the baseline has the first alone.
func TestMixedNumbers(t *testing.T) {
	p := makeTaskProblem(t, dataset.Regression)
	ctx := context.Background()
	src, err := dataset.Open(p.few, dataset.Options{Label: strings.Join(p.targets, ",")})
	if err != nil {
		t.Fatal(err)
	}
	a, err := dataset.ParseAugment("mixup=1")
	if err != nil {
		t.Fatal(err)
	}
	r := &rows{src: src, task: dataset.Regression, classes: 2, vary: &variation{text: a.String()}}
	if r.vary.augmenter, err = a.Compile(src.Spec(), make([]float32, taskFeatures)); err != nil {
		t.Fatal(err)
	}
	if r.vary.mixer, err = loss.NewMixer(dataset.Regression, 1); err != nil {
		t.Fatal(err)
	}
	order := []int{0, 9, 20, 31}
	var m mini
	if err := r.learn(ctx, order, 3, 0, &m); err != nil {
		t.Fatal(err)
	}
	all, err := dataset.Values(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	mixed := 0
	for i, row := range order {
		other, share := m.others.Rows[i], m.others.Shares[i]
		for k := range 2 {
			want := float64(share)*float64(all[2*row+k]) + (1-float64(share))*float64(all[2*other+k])
			got := float64(m.values[2*i+k])
			if math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > 1e-6*math.Abs(want) {
				t.Errorf("row %d with %d at %v: got %v, expected %v", row, other, share, got, want)
			}
			if want != float64(all[2*row+k]) {
				mixed++
			}
		}
	}
	if b := m.part(0, 2, 2, make([]float32, 4)); b.Others != nil || len(b.Values) != 4 {
		t.Errorf("a loss of numbers gets classes of other rows: %+v", b)
	}
	if mixed == 0 {
		t.Error("no row was mixed")
	}
}
