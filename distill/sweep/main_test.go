package sweep

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/clouds"
	"github.com/kdonnx/kdonnx/internal/killed"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// problem is the folder of a small task: three clouds that overlap, and their
// optimal classifier as the teacher.
var problem string

func TestMain(m *testing.M) {
	ort.MaybeServeWorker()
	killed.Main(m, &problem, makeProblem, sweepOnce)
}

func makeProblem(dir string) error {
	c := clouds.Clouds{Centres: [][]float64{{1, 2, 0, 1}, {2, 1, 1, 0}, {0, 1, 2, 2}}, Spread: 0.9}
	if err := os.WriteFile(filepath.Join(dir, "train.csv"), []byte(c.CSV(600, 1)), 0o644); err != nil {
		return err
	}
	return c.WriteTeacher(filepath.Join(dir, "teacher.onnx"), "x")
}

// base is the recipe that the sweeps of tests begin with. Its test rows do not
// exist: nobody may open them.
func base(rows string) distill.Recipe {
	r := distill.Default()
	r.Teacher.Model, r.Teacher.Batch, r.Teacher.Input, r.Teacher.Doctor = filepath.Join(rows, "teacher.onnx"), 64, "raw", false
	r.Data = distill.DataRecipe{Train: filepath.Join(rows, "train.csv"), Test: filepath.Join(rows, "closed.csv"), ValSplit: 0.1}
	r.Student.Arch = "mlp:6"
	r.Train.Epochs, r.Train.Batch = 4, 32
	r.Sweep.Student = distill.Values{"mlp:2", "mlp:8"}
	r.Sweep.Temperature = distill.Values{"1", "4"}
	r.Sweep.LR = distill.Values{"0.002", "0.1"}
	return r
}

type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) env(rows string) distill.Env {
	return distill.Env{Version: "test", Cache: filepath.Join(rows, "cache"), Log: func(line string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, line)
	}}
}

func plan(t *testing.T, r distill.Recipe) Plan {
	t.Helper()
	if r.Sweep.Output == distill.DefaultSweep().Output {
		r.Sweep.Output = filepath.Join(t.TempDir(), "sweep")
	}
	p, err := FromRecipe(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustRun(t *testing.T, p Plan) *Result {
	t.Helper()
	r, err := Run(context.Background(), p, (&logged{}).env(problem))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
