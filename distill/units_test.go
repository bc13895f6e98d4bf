package distill

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// TestUnits: numbers to predict in other units give the same student, in these.
func TestUnits(t *testing.T) {
	const features, rows = 3, 400
	run := func(by, plus float64) *Result {
		dir := t.TempDir()
		net := func(scale, shift float64) *onnx.Model {
			m, err := models.Build("mlp:8", models.Input{Name: "x", Shape: []int{features}}, 1, 5)
			if err == nil {
				err = models.Suffix(m, "y", []float32{float32(scale)}, []float32{float32(shift)})
			}
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		plain, err := student.FromModel(net(1, 0), "plain")
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 1))
		x, y := make([]float32, rows*features), make([]float32, rows)
		for i := range x {
			x[i] = float32(r.IntN(2000)-1000) / 500
		}
		if err := plain.Predict(context.Background(), x, rows, y); err != nil {
			t.Fatal(err)
		}
		var csv strings.Builder
		csv.WriteString("a,b,c,y\n")
		for i := range rows {
			fmt.Fprintf(&csv, "%v,%v,%v,%v\n", x[3*i], x[3*i+1], x[3*i+2], (float64(y[i])+0.2*r.NormFloat64())*by+plus)
		}
		teacher := net(by, plus)
		teacher.Metadata = nil
		data, err := onnx.Marshal(teacher)
		if err != nil {
			t.Fatal(err)
		}
		rec := Default()
		rec.Teacher.Model, rec.Data = filepath.Join(dir, "teacher.onnx"), DataRecipe{Train: filepath.Join(dir, "rows.csv"), ValSplit: 0.2, Label: "y", Task: dataset.Regression.String()}
		for path, data := range map[string][]byte{rec.Teacher.Model: data, rec.Data.Train: []byte(csv.String())} {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		rec.Student.Arch, rec.Train.Epochs, rec.Train.Batch, rec.Train.Optimizer, rec.Train.LR = "mlp:16", 15, 32, "adam", 0.02
		rec.Output.Model = filepath.Join(dir, "student.onnx")
		env := newRecord()
		env.Cache = t.TempDir()
		return mustRun(t, rec, env.Env)
	}
	want := run(1, 0)
	if want.Student.R2 < 0.5 {
		t.Errorf("R² is %v", want.Student.R2)
	}
	for _, u := range []struct{ by, plus, tolerance float64 }{{1024, 0, 1e-5}, {1000, 0, 1e-3}, {1e-20, 0, 1e-3}, {1e20, 0, 1e-3}, {1000, 1e6, 2e-3}} {
		got := run(u.by, u.plus)
		for name, pair := range map[string][2]float64{
			"R²":              {got.Student.R2, want.Student.R2},
			"R² of baseline":  {got.Baseline.R2, want.Baseline.R2},
			"agreement":       {got.Student.Agreement, want.Student.Agreement},
			"RMSE":            {got.Student.RMSE / u.by, want.Student.RMSE},
			"loss at the end": {float64(got.History.Student[14].Train.Total), float64(want.History.Student[14].Train.Total)},
		} {
			if d := math.Abs(pair[0] - pair[1]); !(d <= u.tolerance) {
				t.Errorf("×%v + %v: %s is %v, expected %v", u.by, u.plus, name, pair[0], pair[1])
			}
		}
	}
}
