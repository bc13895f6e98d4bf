package distill

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/models/embedded"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// TestStudentPreprocess holds that a declared normalisation becomes part of
// the student's graph and a declared size its input, in both engines.
func TestStudentPreprocess(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	teacher, err := embedded.Unpack(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := Default()
	r.Teacher.Model, r.Data.Train, r.Data.Test = teacher, "glyphs:train?rows=300&seed=5", "glyphs:test?rows=200&seed=5"
	r.Teacher.Prep = "scale=1"
	r.Student.Arch, r.Student.Prep = "cnn:4?hidden=0", "resize=14x14 scale=1/255 mean=0.2 std=0.25"
	r.Train.Epochs, r.Train.NoBaseline = 2, true
	r.Output.Model = filepath.Join(dir, "student.onnx")
	want, err := Run(ctx, r, Env{Cache: dir})
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Read(r.Output.Model, onnx.ReadOptions{Weights: true})
	if err != nil {
		t.Fatal(err)
	}
	// (x/255 − 0.2)/0.25 = x·(4/255) − 0.8
	for name, value := range map[string]float32{"input_scale": 4.0 / 255, "input_shift": -0.8} {
		tensor := m.Graph.Initializer(name)
		if tensor == nil {
			t.Fatalf("the graph has no %s", name)
		}
		got, err := tensor.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]float32{value}, got, cmpopts.EquateApprox(1e-6, 0)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	src, err := dataset.Open(r.Data.Test, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{EngineORT, EngineNative} {
		model, err := OpenModel(ctx, engine, TeacherRecipe{ModelRecipe: ModelRecipe{Model: r.Output.Model, Kind: "auto", Input: "auto"}, Provider: "cpu"}, src, "", dir)
		if err != nil {
			t.Fatalf("%s: %v", engine, err)
		}
		got, err := Evaluate(ctx, model, src, nil)
		model.Close()
		if err != nil || got.Errors != want.Student.Errors {
			t.Errorf("%s: %d errors (%v), expected %d", engine, got.Errors, err, want.Student.Errors)
		}
	}
	r.Student.Prep = "resize=14"
	_, err = Run(ctx, r, Env{Cache: dir})
	faulttest.Want(t, err, fault.Usage, "resize=14", "HEIGHTxWIDTH")
}
