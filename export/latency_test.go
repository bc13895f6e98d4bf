package export

import (
	"path/filepath"
	"testing"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
)

// TestLatency requires that a net of a thousand times the work takes longer,
// on one thread, and that what is no model is said so.
func TestLatency(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	var l [2]ort.Latency
	for i, arch := range []string{"mlp:8", "mlp:2048,2048"} {
		m, err := models.Build(arch, models.Input{Shape: []int{64}}, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		net, err := student.FromModel(m, arch)
		if err != nil {
			t.Fatal(err)
		}
		data, err := Bytes(net, nil)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "net.onnx")
		if err := durable.Write(path, data); err != nil {
			t.Fatal(err)
		}
		if l[i], err = Latency(ctx, path, "", nil, 1); err != nil {
			t.Fatal(err)
		}
	}
	if l[0].Median*5 > l[1].Median {
		t.Errorf("a small net takes %v, a large one %v", l[0], l[1])
	}
	if _, err := Latency(ctx, filepath.Join(dir, "nothing.onnx"), "", nil, 0); fault.KindOf(err) != fault.IO {
		t.Errorf("of no file: %v", err)
	}
}
