package specialist

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/internal/clouds"
	"github.com/kdonnx/kdonnx/internal/killed"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// problem is the folder of a small task: train.csv, test.csv and five clouds of
// which the first two and the next two are look-alikes, and generalist.onnx, a
// perceptron that has learnt them.
var problem string

var look = clouds.Clouds{Centres: [][]float64{{0, 0, 0}, {1, 0, 0}, {4, 3, 0}, {4, 4, 0.5}, {0, 4, 4}}, Spread: 0.8}

func TestMain(m *testing.M) {
	ort.MaybeServeWorker()
	killed.Main(m, &problem, makeProblem, trainFleet)
}

func makeProblem(dir string) error {
	for name, rows := range map[string]int{"train.csv": 1500, "test.csv": 600} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(look.CSV(rows, uint64(rows))), 0o644); err != nil {
			return err
		}
	}
	r := recipe(dir)
	r.Teacher.Model, r.Student.Arch, r.Train.LR, r.Train.Epochs, r.Train.NoBaseline = distill.NoTeacher, "mlp:8", 0.05, 3, true
	r.Output = distill.OutputRecipe{Model: filepath.Join(dir, "generalist.onnx")}
	_, err := distill.Run(context.Background(), r, distill.Env{Version: "test", Cache: filepath.Join(dir, "cache")})
	return err
}

// recipe is what the fleets of tests begin with.
func recipe(rows string) distill.Recipe {
	r := DefaultRecipe()
	r.Teacher.Model, r.Teacher.Batch, r.Teacher.Input, r.Teacher.Doctor = filepath.Join(rows, "generalist.onnx"), 64, "raw", false
	r.Data = distill.DataRecipe{Train: filepath.Join(rows, "train.csv"), Test: filepath.Join(rows, "test.csv"), ValSplit: 0.1}
	r.Train.Epochs, r.Train.Batch = 4, 32
	r.Output.Unverified = true // proving takes longest
	return r
}
