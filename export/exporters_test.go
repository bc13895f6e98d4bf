package export

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/graph/exporters"
	"github.com/kdonnx/kdonnx/student/optim"
)

// TestExportersParity holds the idioms of other exporters against ONNX Runtime
// after some training steps, and asks the official checker, where there is one,
// about what is exported.
func TestExportersParity(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-c", checkAll}
	for _, c := range exporters.All() {
		st := fromModel(t, c.Model)
		x := idiomRows(c, 37)
		opt, err := optim.New("sgd", optim.Settings{ClipNorm: 1})
		if err != nil {
			t.Fatal(err)
		}
		tr, err := student.NewTrainer(st, opt, 37, 1)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := tr.Step(x, 37, func(z, dz []float32) float64 { return float64(copy(dz, z)) }, 0.01); err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
		}
		data := mustBytes(t, st)
		for _, n := range []int{1, 5, 37} {
			if _, err := Check(context.Background(), c.Name, data, st, x[:n*size(c.Row)], n, Options{}); err != nil {
				t.Errorf("batch %d: %v", n, err)
			}
		}
		if c.Model.Opset("") > 17 { // newer than the checker of some distributions
			continue
		}
		path := filepath.Join(dir, strconv.Itoa(len(args))+".onnx")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	python := "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import onnx").Run(); err != nil {
		t.Log("Python's onnx package is not installed: the official checker was not asked")
		return
	}
	if out, err := exec.Command(python, args...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// idiomRows is n rows of data, or of token ids.
func idiomRows(c exporters.Idiom, n int) []float32 {
	x := make([]float32, n*size(c.Row))
	for i := range x {
		x[i] = float32(math.Sin(float64(3*i + 1)))
		if c.Ids > 0 {
			x[i] = float32(i * 7 % c.Ids)
		}
	}
	return x
}
