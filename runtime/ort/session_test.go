//go:build cgo && linux

package ort

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// floats is a float32 value.
func floats(shape []int64, x ...float32) Value {
	v := Value{DType: onnx.Float32, Shape: shape}
	for _, f := range x {
		v.Data = binary.LittleEndian.AppendUint32(v.Data, math.Float32bits(f))
	}
	return v
}

// ramp is a float32 value of that shape whose elements differ.
func ramp(shape ...int64) Value {
	n, _ := elements(shape)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%23)/8 - 1
	}
	return floats(shape, x...)
}

func readFloats(v Value) []float32 {
	x := make([]float32, len(v.Data)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(v.Data[4*i:]))
	}
	return x
}

func mustOpen(t testing.TB, model string, o Options) *Session {
	t.Helper()
	s, err := Open(filepath.Join("testdata", model+".onnx"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustRun(t testing.TB, r Runner, in ...Value) []Value {
	t.Helper()
	out, err := r.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mlpReference is what testdata/generate.py says the mlp models compute; the
// weights are small fractions, so float32 sums are exact.
func mlpReference(x []float32) []float32 {
	var out []float32
	for ; len(x) > 0; x = x[4:] {
		y := []float32{0.5, -0.5, 0.25}
		for j := range 8 {
			h := float32(j) / 8
			for i := range 4 {
				h += x[i] * float32((i*8+j)%7-3) / 4
			}
			for k := range 3 {
				y[k] += max(h, 0) * float32((j*3+k)%5-2) / 4
			}
		}
		out = append(out, y...)
	}
	return out
}

func TestRunMLP(t *testing.T) {
	s := mustOpen(t, "mlp", Options{})
	want := []Info{{Name: "x", DType: onnx.Float32, Shape: []int64{-1, 4}}}
	if diff := cmp.Diff(want, s.Inputs()); diff != "" {
		t.Error(diff)
	}
	if s.Provider() != "cpu" || s.Library().Version == "" {
		t.Errorf("provider %q, library %+v", s.Provider(), s.Library())
	}
	for _, n := range []int64{1, 7, 3, 128, 0, 2} {
		x := ramp(n, 4)
		out := mustRun(t, s, x)
		if diff := cmp.Diff([]int64{n, 3}, out[0].Shape); diff != "" {
			t.Fatal(diff)
		}
		if got, want := readFloats(out[0]), mlpReference(readFloats(x)); !slices.Equal(got, want) {
			t.Fatalf("n=%d: got %v, want %v", n, got, want)
		}
	}
}

// TestFixedBatch requires that a model of fixed batch gives, through the Batch
// rule, what the same model of free batch gives.
func TestFixedBatch(t *testing.T) {
	for model, batch := range map[string]int{"mlp_batch1": 1, "mlp_batch4": 4, "mlp": 5} {
		s := mustOpen(t, model, Options{Batch: batch})
		for _, n := range []int64{4, 1, 9, 0, 3} {
			x := ramp(n, 4)
			out := mustRun(t, s, x)
			if !slices.Equal(out[0].Shape, []int64{n, 3}) {
				t.Fatalf("%s: shape %v for %d rows", model, out[0].Shape, n)
			}
			if got, want := readFloats(out[0]), mlpReference(readFloats(x)); !slices.Equal(got, want) {
				t.Fatalf("%s n=%d: got %v, want %v", model, n, got, want)
			}
		}
	}
}

// TestTypes sends every element type through a model that returns it.
func TestTypes(t *testing.T) {
	for dtype := onnx.Undefined; dtype < 64; dtype++ {
		if !crosses(dtype) || dtype == onnx.Float32 { // float32 is everywhere else
			continue
		}
		name := dtype.String()
		for _, batch := range []int{0, 2} {
			t.Run(name+"/"+strconv.Itoa(batch), func(t *testing.T) {
				s := mustOpen(t, "identity_"+name, Options{Batch: batch})
				v := Value{DType: dtype, Shape: []int64{3, 2}}
				if dtype == onnx.String {
					v.Strings = []string{"a", "", "ünï", "d e", "5", "six"}
				} else {
					for i := range 6 * dtype.Size() {
						v.Data = append(v.Data, byte(i+1))
					}
				}
				if dtype == onnx.Bool {
					v.Data = []byte{1, 0, 0, 1, 1, 0}
				}
				for range 2 {
					if diff := cmp.Diff(v, mustRun(t, s, v)[0]); diff != "" {
						t.Fatal(diff)
					}
				}
			})
		}
	}
}

// TestShapes runs the outputs whose shape cannot be foreseen.
func TestShapes(t *testing.T) {
	t.Run("half precision, no axis declared", func(t *testing.T) {
		s := mustOpen(t, "flat_float16", Options{})
		for _, n := range []int64{2, 5, 1} {
			v := Value{DType: onnx.Float16, Shape: []int64{n, 3}, Data: bytes.Repeat([]byte{0, 0x3c}, int(3*n))}
			got := mustRun(t, s, v)[0]
			if diff := cmp.Diff(Value{DType: onnx.Float16, Shape: []int64{1, 3 * n}, Data: v.Data}, got); diff != "" {
				t.Fatal(diff)
			}
		}
	})
	t.Run("no axes", func(t *testing.T) {
		s := mustOpen(t, "mean", Options{})
		for range 2 {
			got := mustRun(t, s, floats([]int64{2, 2}, 1, 2, 3, 6))[0]
			if len(got.Shape) != 0 || !slices.Equal(readFloats(got), []float32{3}) {
				t.Fatalf("got %+v", got)
			}
		}
	})
	t.Run("depends on the data", func(t *testing.T) {
		s := mustOpen(t, "nonzero", Options{})
		for _, c := range []struct {
			x    Value
			want int64
		}{{floats([]int64{1, 2}, 1, 0), 1}, {floats([]int64{2, 2}, 1, 5, 0, 1), 3}, {floats([]int64{1, 2}, 0, 0), 0}} {
			if got := mustRun(t, s, c.x)[0]; !slices.Equal(got.Shape, []int64{2, c.want}) || int64(len(got.Data)) != 16*c.want {
				t.Fatalf("got %+v, want %d columns", got, c.want)
			}
		}
	})
	t.Run("two inputs, outputs chosen", func(t *testing.T) {
		a, b := floats([]int64{2, 2}, 1, 0, 0, 1), floats([]int64{2, 2}, 1, 1, 1, 1)
		s := mustOpen(t, "two_inputs", Options{Outputs: []string{"square", "sum"}})
		out := mustRun(t, s, a, b)
		if !slices.Equal(readFloats(out[0]), []float32{4, 9, 16, 25}) || !slices.Equal(readFloats(out[1]), []float32{2, 3, 4, 5}) {
			t.Errorf("got %v and %v", readFloats(out[0]), readFloats(out[1]))
		}
	})
}

func TestZipMap(t *testing.T) {
	x := floats([]int64{2, 3}, 0, 0, 0, 0, float32(math.Log(2)), 0) // rows: thirds; 1/4, 1/2, 1/4
	for model, keys := range map[string][]string{
		"zipmap_string": {"ant", "bee", "cat"}, // attribute order cat, ant, bee
		"zipmap_int64":  {"2", "7", "10"},      // attribute order 10, 2, 7
	} {
		for _, batch := range []int{0, 1, 3} {
			s := mustOpen(t, model, Options{Batch: batch})
			if s.Outputs()[1].Kind != onnx.KindSequence {
				t.Errorf("kind %v", s.Outputs()[1].Kind)
			}
			out := mustRun(t, s, x)
			p := readFloats(out[1])
			want := []float32{1. / 3, 1. / 3, 1. / 3, 0.5, 0.25, 0.25}
			for i := range want {
				if math.Abs(float64(p[i]-want[i])) > 1e-6 {
					t.Fatalf("%s: got %v, want %v", model, p, want)
				}
			}
			if !slices.Equal(out[1].Keys, keys) || !slices.Equal(out[1].Shape, []int64{2, 3}) {
				t.Errorf("%s: keys %q, shape %v", model, out[1].Keys, out[1].Shape)
			}
			if out[0].DType != onnx.Int64 || !bytes.Equal(out[0].Data[8:], []byte{1, 0, 0, 0, 0, 0, 0, 0}) {
				t.Errorf("%s: labels %v", model, out[0].Data)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	mlp := mustOpen(t, "mlp", Options{})
	run := func(s *Session, in ...Value) error {
		_, err := s.Run(context.Background(), in)
		return err
	}
	short := ramp(2, 4)
	short.Data = short.Data[:8]
	faulttest.Want(t, run(mlp), fault.Input, "mlp.onnx", "got 0, want 1")
	faulttest.Want(t, run(mlp, ramp(2, 5)), fault.Input, `input "x"`, "got shape (2, 5), want (?, 4)")
	faulttest.Want(t, run(mlp, ramp(8)), fault.Input, "got shape (8), want (?, 4)")
	faulttest.Want(t, run(mlp, Value{DType: onnx.Int64, Shape: []int64{1, 4}, Data: make([]byte, 32)}), fault.Input, "got int64, want float32")
	faulttest.Want(t, run(mlp, short), fault.Input, "got 8 bytes")
	faulttest.Want(t, run(mlp, Value{DType: onnx.Float32, Shape: []int64{-1, 4}}), fault.Input, "impossible shape")
	faulttest.Want(t, run(mlp, Value{DType: onnx.Float32, Shape: []int64{1 << 62, 4}}), fault.Input, "impossible shape")
	faulttest.Want(t, run(mustOpen(t, "reshape", Options{}), ramp(3, 2)), fault.Input, "reshape.onnx", `input "x" of shape (3, 2)`, "Reshape")
	faulttest.Want(t, run(mustOpen(t, "mean", Options{Batch: 2}), ramp(4, 2)), fault.Input, `output "y"`, "to join batches")
	faulttest.Want(t, run(mustOpen(t, "expand", Options{}), ramp(1, 1)), fault.Input, "expand.onnx", "Expand")
	if out := mustRun(t, mlp, ramp(1, 4)); len(out) != 1 {
		t.Error("the session does not survive its refusals")
	}

	open := func(model string, o Options) error {
		s, err := Open(filepath.Join("testdata", model), o)
		if err == nil {
			s.Close()
		}
		return err
	}
	faulttest.Want(t, open("mlp.onnx", Options{Outputs: []string{"nope"}}), fault.Usage, `no output "nope"`, "logits")
	faulttest.Want(t, open("mlp.onnx", Options{Outputs: []string{"logits", "logits"}}), fault.Usage, "twice")
	faulttest.Want(t, open("mlp.onnx", Options{Provider: "tpu"}), fault.Usage, "cpu, cuda, cuda:N or auto")
	faulttest.Want(t, open("mlp.onnx", Options{Batch: -1}), fault.Usage, "batch -1")
	faulttest.Want(t, open("absent.onnx", Options{}), fault.IO, "absent.onnx")
	faulttest.Want(t, open("generate.py", Options{}), fault.Input, "generate.py", "refuses the model")
	faulttest.Want(t, open(".", Options{}), fault.Input, "no regular file")
	mlp.Close()
	faulttest.Want(t, run(mlp, ramp(1, 4)), fault.Usage, "closed")
}

func TestOpenBytes(t *testing.T) {
	data, err := os.ReadFile("testdata/mlp.onnx")
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenBytes("memory", data, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := ramp(3, 4)
	if got := readFloats(mustRun(t, s, x)[0]); !slices.Equal(got, mlpReference(readFloats(x))) {
		t.Errorf("got %v", got)
	}
	_, err = OpenBytes("memory", data[:100], Options{})
	faulttest.Want(t, err, fault.Input, "memory", "refuses")
	_, err = OpenBytes("memory", nil, Options{})
	faulttest.Want(t, err, fault.Input, "no bytes")
}

func TestProviderFallback(t *testing.T) {
	lib, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	if checkCUDA(lib) == nil {
		t.Skip("the library found has a CUDA provider: nothing to fall back from")
	}
	_, err = Open("testdata/mlp.onnx", Options{Provider: "cuda:1"})
	faulttest.Want(t, err, fault.Integrity, "no CUDA provider", "libonnxruntime_providers_cuda.so not found beside "+lib.Path)
	s := mustOpen(t, "mlp", Options{Provider: "auto"})
	if s.Provider() != "cpu" || len(s.Notes()) != 1 || !strings.Contains(s.Notes()[0], "libonnxruntime_providers_cuda.so") {
		t.Errorf("provider %q, notes %q", s.Provider(), s.Notes())
	}
}

func TestCancel(t *testing.T) {
	s := mustOpen(t, "loop", Options{})
	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		start := time.Now()
		_, err := s.Run(ctx, []Value{ramp(1, 1)})
		cancel()
		faulttest.Want(t, err, fault.Interrupted, "loop.onnx")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := mustOpen(t, "mlp", Options{})
	mustRun(t, m, ramp(1, 4))
	cancel()
	if _, err := m.Run(ctx, []Value{ramp(1, 4)}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	mustRun(t, m, ramp(1, 4))
}

func TestOneLibraryAProcess(t *testing.T) {
	s := mustOpen(t, "mlp", Options{})
	other := s.Library()
	other.Path += ".other"
	_, err := load(other)
	faulttest.Want(t, err, fault.Integrity, "one library a process")
}

// rss is the resident memory of a process in bytes.
func rss(t testing.TB, pid int) int64 {
	t.Helper()
	n, err := residentBytes(pid)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestConstantMemory runs 10,000 batches: memory and goroutines stay. The
// batches are large enough for a leak of one of them to pass the bound many
// times over.
func TestConstantMemory(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []struct {
		model   string
		batch   int
		x       Value
		batches int
	}{
		{"mlp", 0, ramp(512, 4), 10_000},
		{"mlp_batch4", 4, ramp(256, 4), 2_000},
		{"zipmap_string", 0, ramp(64, 3), 2_000},
		{"identity_string", 0, Value{DType: onnx.String, Shape: []int64{64, 2}, Strings: slices.Repeat([]string{strings.Repeat("x", 100)}, 128)}, 3_000},
	} {
		s := mustOpen(t, c.model, Options{Batch: c.batch})
		in := []Value{c.x}
		var before int64
		var routines int
		for i := range c.batches {
			if _, err := s.Run(ctx, in); err != nil {
				t.Fatal(err)
			}
			if i == c.batches/5 {
				debug.FreeOSMemory()
				before, routines = rss(t, os.Getpid()), runtime.NumGoroutine()
			}
		}
		debug.FreeOSMemory()
		if grown := rss(t, os.Getpid()) - before; grown > 16<<20 {
			t.Errorf("%s: grew by %d bytes in %d batches", c.model, grown, c.batches*4/5)
		}
		if n := runtime.NumGoroutine(); n > routines {
			t.Errorf("%s: %d goroutines, %d before", c.model, n, routines)
		}
	}
}

// TestRepeatable requires the same bytes from the same batch.
func TestRepeatable(t *testing.T) {
	s := mustOpen(t, "cnn", Options{})
	x := ramp(32, 784)
	first := bytes.Clone(mustRun(t, s, x)[0].Data)
	for range 5 {
		if !bytes.Equal(first, mustRun(t, s, x)[0].Data) {
			t.Fatal("the same batch gave other bytes")
		}
	}
}
