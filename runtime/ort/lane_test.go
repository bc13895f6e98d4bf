//go:build cgo && linux

package ort

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// TestLanes requires the same bytes for any number of lanes, of every kind of
// output and with a remainder that is padded, and the error of the first bad
// piece.
func TestLanes(t *testing.T) {
	words := Value{DType: onnx.String, Shape: []int64{5, 2}, Strings: []string{"a", "b", "", "d", "e", "ü", "g", "h", "", "\xff"}}
	for _, c := range []struct {
		model string
		batch int
		in    []Value
	}{
		{"mlp_batch1", 1, []Value{ramp(200, 4)}},
		{"mlp", 3, []Value{ramp(100, 4)}},
		{"mlp", 3, []Value{ramp(0, 4)}},
		{"cnn", 16, []Value{ramp(250, 784)}}, // a piece is larger than what is kept
		{"zipmap_string", 2, []Value{ramp(31, 3)}},
		{"identity_string", 2, []Value{words}},
		{"identity_float16", 4, []Value{{DType: onnx.Float16, Shape: []int64{30, 2}, Data: ramp(30).Data}}},
		{"two_inputs", 5, []Value{ramp(33, 2), ramp(33, 2)}},
	} {
		one := mustOpen(t, c.model, Options{Batch: c.batch, Threads: 1})
		for _, lanes := range []int{2, 3, 8} {
			many := mustOpen(t, c.model, Options{Batch: c.batch, Threads: 1, Lanes: lanes})
			for range 5 {
				want, got := mustRun(t, one, c.in...), mustRun(t, many, c.in...)
				for i := range want {
					if diff := cmp.Diff(normal(want[i]), normal(got[i])); diff != "" {
						t.Fatalf("%s in %d lanes, output %d: %s", c.model, lanes, i, diff)
					}
				}
			}
			many.Close()
		}
	}
	many := mustOpen(t, "mlp", Options{Batch: 3, Lanes: 4})
	_, err := many.Run(context.Background(), []Value{ramp(100, 5)})
	faulttest.Want(t, err, fault.Input, "got shape (100, 5), want (?, 4)")
	// A model whose output has no axis for the rows fails in every piece.
	many = mustOpen(t, "mean", Options{Batch: 4, Lanes: 4})
	_, err = many.Run(context.Background(), []Value{ramp(64, 2)})
	faulttest.Want(t, err, fault.Input, "want a leading axis of 4 to join batches")
	many.Recut(0)
	mustRun(t, many, ramp(64, 2))
}

// TestRecut changes the pieces between the runs of one process.
func TestRecut(t *testing.T) {
	w, s := mustStart(t, "mlp", Options{Batch: 8, Lanes: 2, Threads: 1}, WorkerOptions{}), mustOpen(t, "mlp", Options{})
	x := ramp(50, 4)
	want := mustRun(t, s, x)
	for _, batch := range []int{8, 3, 0, 64, 1} {
		w.Recut(batch)
		if diff := cmp.Diff(want[0].Data, mustRun(t, w, x)[0].Data); diff != "" {
			t.Errorf("pieces of %d: %s", batch, diff)
		}
	}
	// A run that was handed over under another cut is run anew.
	if _, err := w.RunAhead(context.Background(), []Value{x}, []Value{x}); err != nil {
		t.Fatal(err)
	}
	w.Recut(5)
	if diff := cmp.Diff(want[0].Data, mustRun(t, w, x)[0].Data); diff != "" {
		t.Error(diff)
	}
	if now, peak := w.Memory(); now < 1<<20 || peak < now {
		t.Errorf("memory %d, at most %d", now, peak)
	}
	w.Close()
	if now, peak := w.Memory(); now != 0 || peak < 1<<20 {
		t.Errorf("memory %d, at most %d after the end", now, peak)
	}
}

// TestConfig requires that entries of the session reach it and that names that
// would have no effect are answered by name.
func TestConfig(t *testing.T) {
	s := mustOpen(t, "mlp", Options{Config: map[string]string{"session.intra_op.allow_spinning": "0"}})
	mustRun(t, s, ramp(2, 4))
	for name, parts := range map[string][]string{
		"session.intra_op.allow_spining": {"provider option session.intra_op.allow_spining", "unknown to /"},
		"arena_extend_strategy":          {"provider option arena_extend_strategy", "unknown on the CPU", "--provider cuda"},
		"":                               {"unknown on the CPU"},
	} {
		_, err := Open("testdata/mlp.onnx", Options{Config: map[string]string{name: "1"}})
		faulttest.Want(t, err, fault.Usage, parts...)
	}
	// ONNX Runtime reads the values of those it has: this one must be "0" or "1".
	_, err := Open("testdata/mlp.onnx", Options{Config: map[string]string{"session.disable_cpu_ep_fallback": "1", "session.load_model_format": "ORT"}})
	faulttest.Want(t, err, fault.Input, "refuses the model")
	s = mustOpen(t, "mlp", Options{Provider: "auto", Config: map[string]string{"arena_extend_strategy": "kNextPowerOfTwo"}})
	for _, part := range []string{"has no CUDA provider", "provider options not used on the CPU: arena_extend_strategy"} {
		if notes := fmt.Sprint(s.Notes()); s.Provider() == "cpu" && !strings.Contains(notes, part) {
			t.Errorf("notes %s do not say %q", notes, part)
		}
	}
}

// TestBrokenCUDA gives a library CUDA's files, which are none: the provider
// that cannot be loaded is named, or done without on request.
func TestBrokenCUDA(t *testing.T) {
	lib, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	if checkCUDA(lib) == nil {
		t.Skip("the library found has a CUDA provider")
	}
	dir := t.TempDir()
	text, err := os.ReadFile(lib.Path)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "libonnxruntime.so")
	for name, data := range map[string][]byte{path: text, filepath.Join(dir, cudaLibraries[0]): []byte("none"), filepath.Join(dir, cudaLibraries[1]): []byte("none")} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err = StartWorker(context.Background(), "testdata/mlp.onnx", Options{Library: path, Provider: "cuda"}, WorkerOptions{})
	faulttest.Want(t, err, fault.Integrity, path, "CUDA provider")
	t.Log(err)
	w := mustStart(t, "mlp", Options{Library: path, Provider: "auto"}, WorkerOptions{})
	if w.Provider() != "cpu" || !strings.Contains(fmt.Sprint(w.Notes()), "CUDA is not used, falling back to the CPU: ") {
		t.Errorf("provider %s, notes %q", w.Provider(), w.Notes())
	}
	mustRun(t, w, ramp(3, 4))
}
