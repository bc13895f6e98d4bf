package teacher

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// realData is the folder of public models and rows beside the repository.
func realData(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("the repository root was not found")
		}
	}
	data := filepath.Join(dir, "..", "shared", "data")
	if _, err := os.Stat(data); err != nil {
		t.Skip("public models are not beside the repository")
	}
	return data
}

// TestRealTeachers detects the contracts of public models, which are known.
func TestRealTeachers(t *testing.T) {
	needLibrary(t)
	data := realData(t)
	ctx := context.Background()
	for _, c := range []struct {
		model, rows string
		rng         string
		layout      dataset.Layout
		fixed       int
		output      string
		kind        Kind
		accuracy    float64
		words       []string
	}{
		{"burn-mnist", "mnist", "standard", dataset.NCHW, 1, "33", LogProbabilities, 0.98, []string{"mean 0.1307, deviation 0.3081"}},
		{"tribuo-pytorch_cnn_mnist", "mnist", "raw", dataset.NCHW, 0, "output_probs", LogProbabilities, 0.98, []string{"whatever the name"}},
		{"winml-mnist", "mnist", "raw", dataset.NCHW, 1, "Plus214_Output_0", Logits, 0.98, []string{"batch: 1, declared"}},
		{"winml-model", "mnist", "unit", dataset.NCHW, 0, "prediction", Probabilities, 0.98, []string{"the only one that gives scores"}},
		{"olive-mnist", "mnist", "raw", dataset.NCHW, 1, "Plus214_Output_0", Logits, 0.98, nil},
		{"ort-examples-mnist_original", "mnist", "", dataset.Flat, 0, "probability", Logits, 0.05, []string{"warning", "looks useless"}},
		{"iris-skl2onnx-rf_iris", "iris/Iris.csv", "raw", dataset.Flat, 0, "output_probability", Probabilities, 0.9, []string{"from 1e-07 on"}},
		{"iris-winml-pytorch-Network", "iris/Iris.csv", "raw", dataset.Flat, 0, "output", Logits, 0.9, nil},
	} {
		t.Run(c.model, func(t *testing.T) {
			src, err := dataset.Open(filepath.Join(data, c.rows), dataset.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			x, err := Open(ctx, filepath.Join(data, "teachers", c.model+".onnx"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			got := detect(t, x, src)
			t.Logf("\n%v", got)
			if c.rng != "" && got.Range != c.rng || got.Layout != c.layout || got.FixedBatch != c.fixed || got.Output != c.output || got.Kind != c.kind || *got.Accuracy < c.accuracy {
				t.Errorf("got range %s, layout %s, batch %d, output %s, %s, accuracy %v", got.Range, got.Layout, got.FixedBatch, got.Output, got.Kind, *got.Accuracy)
			}
			says(t, got, append(c.words, "")...)
			if useless := *got.Accuracy < 0.5; !useless && len(got.Warnings) > 0 {
				t.Errorf("warnings: %q", got.Warnings)
			}
			few := dataset.Subset(src, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
			s, err := x.Fill(ctx, few, filepath.Join(t.TempDir(), "s"), FillOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if s.Len() != 10 || s.Classes() != got.Classes {
				t.Errorf("got %d rows of %d", s.Len(), s.Classes())
			}
		})
	}
	t.Run("two features of four", func(t *testing.T) {
		src, err := dataset.Open(filepath.Join(data, "iris/Iris.csv"), dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		x, err := Open(ctx, filepath.Join(data, "teachers", "iris-skl2onnx-pipeline_lightgbm.onnx"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		got := detect(t, x, src)
		t.Logf("\n%v", got)
		if d := cmp.Diff([]string{"SepalLengthCm", "SepalWidthCm"}, got.Inputs[0].Columns); d != "" || *got.Accuracy < 0.7 {
			t.Errorf("%s\n%v", d, got)
		}
		_, err = x.Detect(ctx, dataset.Unlabel(src))
		faulttest.Want(t, err, fault.Input, "takes fewer columns than there are, and no row has a label")
	})
}

// TestRealDoctor looks at public models, of which one is known to be useless.
func TestRealDoctor(t *testing.T) {
	needLibrary(t)
	data := realData(t)
	ctx := context.Background()
	for _, c := range []struct {
		model, rows string
		worst       Level
	}{
		{"burn-mnist", "mnist", Note}, {"tribuo-pytorch_cnn_mnist", "mnist", Note}, {"winml-mnist", "mnist", Note}, {"winml-model", "mnist", Note}, {"olive-mnist", "mnist", Note},
		{"ort-examples-mnist_original", "mnist", Problem},
		{"iris-skl2onnx-rf_iris", "iris/Iris.csv", Note}, {"iris-skl2onnx-pipeline_lightgbm", "iris/Iris.csv", Note}, {"iris-winml-pytorch-Network", "iris/Iris.csv", Fine},
	} {
		t.Run(c.model, func(t *testing.T) {
			src, err := dataset.Open(filepath.Join(data, c.rows), dataset.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			x, err := Open(ctx, filepath.Join(data, "teachers", c.model+".onnx"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			d, err := x.Diagnose(ctx, src, DoctorOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if d.Worst() != c.worst || (d.Preprocess != "") {
				t.Errorf("got\n%v", d)
			}
			if f, ok := found(d, "accuracy"); !ok || (f.Level == Problem) != (c.worst == Problem) {
				t.Errorf("got\n%v", d)
			}
		})
	}
}
