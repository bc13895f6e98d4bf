//go:build cgo && linux

package ort

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// field is one length-delimited field of a protobuf message.
func field(number byte, value ...byte) []byte {
	return append([]byte{number<<3 | 2, byte(len(value))}, value...)
}

// externalModel writes y = relu(x+w), whose w = (1, -2) lies in a file beside
// it, below a folder of its own.
func externalModel(t *testing.T) string {
	t.Helper()
	pair := func(name string) *onnx.Value {
		return &onnx.Value{Name: name, DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Value: -1}, {Value: 2}}}
	}
	w := pair("w")
	w.Shape[0].Value = 1
	data, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}, Graph: &onnx.Graph{
		Name: "external", Inputs: []*onnx.Value{pair("x"), w}, Outputs: []*onnx.Value{pair("y")},
		Nodes: []*onnx.Node{
			{OpType: "Add", Inputs: []string{"x", "w"}, Outputs: []string{"sum"}},
			{OpType: "Relu", Inputs: []string{"sum"}, Outputs: []string{"y"}},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	location := append(field(1, []byte("location")...), field(2, []byte("w.bin")...)...)
	tensor := slices.Concat([]byte{1 << 3, 1, 1 << 3, 2, 2 << 3, 1}, field(8, 'w'), field(13, location...), []byte{14 << 3, 1})
	data = append(data, field(7, field(5, tensor...)...)...)
	dir := t.TempDir()
	path := filepath.Join(dir, "external.onnx")
	for name, b := range map[string][]byte{path: data, filepath.Join(dir, "w.bin"): floats(nil, 1, -2).Data} {
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestExpose makes an output of a value inside a model, in a worker and in
// this process, and leaves the file as it is.
func TestExpose(t *testing.T) {
	path := externalModel(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Expose: []string{"sum"}, Outputs: []string{"sum", "y"}}
	w, err := StartWorker(t.Context(), path, o, WorkerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	out := mustRun(t, w, floats([]int64{2, 2}, 1, 1, -4, 5))
	if got := readFloats(out[0]); !slices.Equal(got, []float32{2, -1, -3, 3}) {
		t.Errorf("inside: got %v", got)
	}
	if got := readFloats(out[1]); !slices.Equal(got, []float32{2, 0, 0, 3}) {
		t.Errorf("output: got %v", got)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the model file changed: %v", err)
	}

	mlp := filepath.Join("testdata", "mlp.onnx")
	m, err := onnx.Read(mlp, onnx.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	inside := m.Graph.Inners()[0].Value.Name
	s := mustOpen(t, "mlp", Options{Expose: []string{inside}})
	if len(s.Outputs()) != 2 || s.Outputs()[1].Name != inside {
		t.Errorf("outputs %+v, expected %s as the second", s.Outputs(), inside)
	}
	x := ramp(5, 4)
	if out := mustRun(t, s, x); out[1].Shape[0] != 5 || !slices.Equal(readFloats(out[0]), mlpReference(readFloats(x))) {
		t.Errorf("got %v", out)
	}
}
