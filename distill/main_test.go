package distill

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/killed"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/optim"
)

// problem is the folder of a small task that all tests share: three clouds
// that overlap, as train.csv and test.csv, and teacher.onnx, which learned
// them from many more rows.
var problem string

func TestMain(m *testing.M) {
	ort.MaybeServeWorker()
	killed.Main(m, &problem, makeProblem, trainOnce)
}

const (
	features  = 4
	classes   = 3
	trainRows = 420
	testRows  = 240
)

// clouds draws n rows; the class of a row is a name, not a number.
func clouds(n int, seed uint64) (x []float32, y []int32) {
	rng := rand.New(rand.NewPCG(seed, 99))
	for range n {
		k := rng.IntN(classes)
		for f := range features {
			center := 2 * math.Cos(float64(k*(f+1)))
			x = append(x, float32(math.Round(100*(5+center+1.3*rng.NormFloat64()))/100))
		}
		y = append(y, int32(k))
	}
	return x, y
}

// className is what class y is called in the files.
func className(y int32) string {
	if y == dataset.Unlabelled {
		return ""
	}
	return string(rune('a' + y))
}

func writeCSV(path string, x []float32, y []int32) error {
	var b strings.Builder
	b.WriteString("f0,f1,f2,f3,label\n")
	for i := range y {
		for _, v := range x[i*features : (i+1)*features] {
			fmt.Fprintf(&b, "%g,", v)
		}
		b.WriteString(className(y[i]) + "\n")
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func makeProblem(dir string) error {
	for name, rows := range map[string]struct {
		n    int
		seed uint64
	}{"train.csv": {trainRows, 1}, "test.csv": {testRows, 2}} {
		x, y := clouds(rows.n, rows.seed)
		if err := writeCSV(filepath.Join(dir, name), x, y); err != nil {
			return err
		}
	}
	return makeTeacher(filepath.Join(dir, "teacher.onnx"))
}

// makeTeacher trains a teacher natively and exports it without any metadata
// of a student.
func makeTeacher(path string) error {
	const rows, batch = 4096, 64
	x, y := clouds(rows, 3)
	in := models.Input{Name: "measurements", Shape: []int{features}, Scale: []float32{0.5}, Shift: []float32{-2.5}}
	m, err := models.Build("mlp:24", in, classes, 7)
	if err != nil {
		return err
	}
	net, err := student.FromModel(m, "teacher")
	if err != nil {
		return err
	}
	o, err := optim.New("sgd", optim.Settings{})
	if err != nil {
		return err
	}
	trainer, err := student.NewTrainer(net, o, batch, 7)
	if err != nil {
		return err
	}
	hard, err := loss.New("hard-label", loss.Settings{})
	if err != nil {
		return err
	}
	for step := range 6 * rows / batch {
		lo := step * batch % rows
		_, err := trainer.Step(x[lo*features:(lo+batch)*features], batch, func(z, dz []float32) float64 {
			return hard.Eval(loss.Batch{N: batch, C: classes, Student: z, Labels: y[lo : lo+batch]}, dz).Total
		}, 0.05)
		if err != nil {
			return err
		}
	}
	data, err := export.Bytes(net, nil)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func file(name string) string { return filepath.Join(problem, name) }

// small is the recipe that tests begin with: the whole line, in a second.
func small(t *testing.T) Recipe {
	r := Default()
	r.Teacher.Model, r.Teacher.Batch = file("teacher.onnx"), 64
	r.Data = DataRecipe{Train: file("train.csv"), Test: file("test.csv"), ValSplit: 0.1}
	r.Student.Arch = "mlp:6"
	r.Train.Epochs, r.Train.Batch = 3, 32
	r.Output.Model = filepath.Join(t.TempDir(), "out", "student.onnx")
	return r
}

// record is an Env that keeps what it was told.
type record struct {
	Env
	mu    sync.Mutex
	lines []string
}

func newRecord() *record {
	r := &record{}
	r.Env = Env{Version: "test", Cache: file("cache"), Latency: time.Millisecond, Log: func(line string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, line)
	}}
	return r
}

func (r *record) has(text string) bool {
	return slices.ContainsFunc(r.lines, func(l string) bool { return strings.Contains(l, text) })
}

// targets fills the target store of the training and test rows once, so that
// tests of training need no teacher.
var targets = sync.OnceValues(func() (string, error) {
	ctx, dir := context.Background(), file("store")
	m, stop, err := OpenTeacher(ctx, &TeacherRecipe{ModelRecipe: ModelRecipe{Model: file("teacher.onnx"), Kind: "auto", Input: "auto"}, Provider: "cpu"}, file("cache"))
	if err != nil {
		return "", err
	}
	defer stop()
	var all []dataset.Source
	for _, name := range []string{"train.csv", "test.csv"} {
		src, err := dataset.Open(file(name), dataset.Options{})
		if err != nil {
			return "", err
		}
		all = append(all, src)
	}
	src, err := dataset.Concat(all...)
	if err != nil {
		return "", err
	}
	if _, err := m.Detect(ctx, src); err != nil {
		return "", err
	}
	d := run{env: newRecord().Env, recipe: Default()}
	_, err = d.fill(ctx, m, src, dir)
	return dir, err
})

// stored is small without a teacher and without ONNX Runtime: from a store to
// an unverified file.
func stored(t *testing.T) Recipe {
	dir, err := targets()
	if err != nil {
		t.Fatal(err)
	}
	r := small(t)
	r.Teacher.Model, r.Teacher.Store, r.Output.Unverified = "", dir, true
	return r
}

// unverified is where a stored recipe's student ends up.
func unverified(r Recipe) string {
	return strings.TrimSuffix(r.Output.Model, ".onnx") + ".unverified.onnx"
}

func mustRun(t *testing.T, r Recipe, env Env) *Result {
	t.Helper()
	result, err := Run(context.Background(), r, env)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
