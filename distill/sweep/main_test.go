package sweep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/export"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
)

// problem is the folder of a small task: three clouds that overlap, and their
// optimal classifier as the teacher.
var problem string

func TestMain(m *testing.M) {
	ort.MaybeServeWorker()
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(runChild(os.Getenv(childRows), dir))
	}
	os.Exit(func() int {
		var err error
		if problem, err = os.MkdirTemp("", "sweep-test-"); err == nil {
			defer os.RemoveAll(problem)
			err = makeProblem(problem)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// centres of the clouds (classes, features), and their deviation.
var centres = [][]float64{{1, 2, 0, 1}, {2, 1, 1, 0}, {0, 1, 2, 2}}

const spread = 0.9

func makeProblem(dir string) error {
	rng := rand.New(rand.NewPCG(1, 5))
	var b strings.Builder
	b.WriteString("a,b,c,d,label\n")
	for range 600 {
		k := rng.IntN(len(centres))
		for _, c := range centres[k] {
			fmt.Fprintf(&b, "%.2f,", c+spread*rng.NormFloat64())
		}
		fmt.Fprintf(&b, "%c\n", 'x'+k)
	}
	if err := os.WriteFile(filepath.Join(dir, "train.csv"), []byte(b.String()), 0o644); err != nil {
		return err
	}
	m, err := models.Build("linear", models.Input{Name: "x", Shape: []int{4}}, len(centres), 1)
	if err != nil {
		return err
	}
	net, err := student.FromModel(m, "teacher")
	if err != nil {
		return err
	}
	const scale = 2 * spread * spread
	for _, p := range net.Params() {
		switch {
		case !p.Trainable:
		case len(p.Dims) == 1:
			for k, c := range centres {
				p.Data[k] = 0
				for _, v := range c {
					p.Data[k] -= float32(v * v / scale)
				}
			}
		default: // (classes, features) or (features, classes)
			for k, c := range centres {
				for f, v := range c {
					at := k*len(c) + f
					if p.Dims[0] == len(c) {
						at = f*len(centres) + k
					}
					p.Data[at] = float32(2 * v / scale)
				}
			}
		}
	}
	data, err := export.Bytes(net, nil)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "teacher.onnx"), data, 0o644)
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

// wantFault requires an error of the kind whose one line contains each text.
func wantFault(t *testing.T, err error, kind fault.Kind, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, expected kind %d with %q", kind, texts)
	}
	if got := fault.KindOf(err); got != kind {
		t.Errorf("%v: kind %d, expected %d", err, got, kind)
	}
	for _, text := range append(texts, "") {
		if !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: expected one line with %q", err, text)
		}
	}
}
