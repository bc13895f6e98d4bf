//go:build cgo && linux

package ort

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func mustStart(t testing.TB, model string, o Options, w WorkerOptions) *Worker {
	t.Helper()
	k, err := StartWorker(context.Background(), filepath.Join("testdata", model+".onnx"), o, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// gone requires that no process of that number is left, not even a zombie.
func gone(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}

// TestWorkerAgrees requires of the worker what the session gives, for every
// kind of value, bit for bit.
func TestWorkerAgrees(t *testing.T) {
	half := Value{DType: onnx.Float16, Shape: []int64{2, 3}, Data: bytes.Repeat([]byte{0, 0x3c}, 6)}
	words := Value{DType: onnx.String, Shape: []int64{2, 2}, Strings: []string{"a", "", "\xff\x00z", "ü"}}
	for _, c := range []struct {
		model string
		o     Options
		in    []Value
	}{
		{"mlp", Options{}, []Value{ramp(7, 4)}},
		{"mlp", Options{}, []Value{ramp(0, 4)}},
		{"mlp_batch1", Options{Batch: 1}, []Value{ramp(200, 4)}},
		{"two_inputs", Options{Outputs: []string{"square"}}, []Value{ramp(3, 2), ramp(3, 2)}},
		{"zipmap_string", Options{}, []Value{ramp(4, 3)}},
		{"flat_float16", Options{}, []Value{half}},
		{"identity_string", Options{}, []Value{words}},
		{"mean", Options{Threads: 1}, []Value{ramp(4, 2)}},
		{"cnn", Options{}, []Value{ramp(300, 784)}}, // larger than the first region
	} {
		w, s := mustStart(t, c.model, c.o, WorkerOptions{}), mustOpen(t, c.model, c.o)
		if diff := cmp.Diff(s.Inputs(), w.Inputs()) + cmp.Diff(s.Outputs(), w.Outputs()); diff != "" {
			t.Errorf("%s: %s", c.model, diff)
		}
		for range 2 {
			want, got := mustRun(t, s, c.in...), mustRun(t, w, c.in...)
			if len(want) != len(got) {
				t.Fatalf("%s: %d outputs, want %d", c.model, len(got), len(want))
			}
			for i := range want {
				if diff := cmp.Diff(normal(want[i]), normal(got[i])); diff != "" {
					t.Errorf("%s output %d: %s", c.model, i, diff)
				}
			}
		}
		w.Close()
	}
}

// normal makes nil and empty alike, which JSON does not tell apart.
func normal(v Value) Value {
	v.Shape = append([]int64{}, v.Shape...)
	v.Data = append([]byte{}, v.Data...)
	v.Strings = append([]string{}, v.Strings...)
	v.Keys = append([]string{}, v.Keys...)
	return v
}

// TestWorkerErrors requires that the worker's own faults come over whole and
// leave it running.
func TestWorkerErrors(t *testing.T) {
	w := mustStart(t, "mlp", Options{}, WorkerOptions{})
	pid := w.Pid()
	_, err := w.Run(context.Background(), []Value{ramp(2, 5)})
	faulttest.Want(t, err, fault.Input, "mlp.onnx", `input "x"`, "got shape (2, 5), want (?, 4)")
	_, err = w.Run(context.Background(), nil)
	faulttest.Want(t, err, fault.Input, "got 0, want 1")
	mustRun(t, w, ramp(1, 4))
	if w.Pid() != pid {
		t.Error("an input fault cost the process")
	}
	w.Close()
	gone(t, pid)
	_, err = w.Run(context.Background(), []Value{ramp(1, 4)})
	faulttest.Want(t, err, fault.Teacher, "not running")

	start := func(model string, o Options, wo WorkerOptions) error {
		_, err := StartWorker(context.Background(), model, o, wo)
		return err
	}
	faulttest.Want(t, start("testdata/generate.py", Options{}, WorkerOptions{}), fault.Input, "testdata/generate.py", "refuses the model")
	faulttest.Want(t, start("testdata/absent.onnx", Options{}, WorkerOptions{}), fault.IO, "testdata/absent.onnx")
	faulttest.Want(t, start("testdata/mlp.onnx", Options{Outputs: []string{"no"}}, WorkerOptions{}), fault.Usage, `no output "no"`)
	faulttest.Want(t, start("testdata/mlp.onnx", Options{}, WorkerOptions{Timeout: -1}), fault.Usage, "negative")
}

func TestWorkerCrashes(t *testing.T) {
	for how, want := range map[string]string{
		"segv@3":   "testdata/mlp.onnx: teacher process died: signal 11 (segmentation fault) at batch 3: about to touch page zero",
		"nil@2":    "testdata/mlp.onnx: teacher process died: signal 11 (segmentation fault) at batch 2",
		"abort@2":  "testdata/mlp.onnx: teacher process died: signal 6 (aborted) at batch 2",
		"exit@1":   "testdata/mlp.onnx: teacher process died: exit status 0 at batch 1: goodbye from stdout",
		"babble@2": "testdata/mlp.onnx: teacher process killed: it gave an unreadable answer at batch 2",
	} {
		t.Run(how, func(t *testing.T) {
			t.Setenv(crashVariable, how)
			w := mustStart(t, "mlp", Options{}, WorkerOptions{})
			pid, batches := w.Pid(), 0
			for ; ; batches++ {
				_, err := w.Run(context.Background(), []Value{ramp(2, 4)})
				if err == nil {
					continue
				}
				faulttest.Want(t, err, fault.Teacher)
				if err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				break
			}
			gone(t, pid)
			// Resume at the batch that failed: it keeps its number.
			t.Setenv(crashVariable, "")
			if err := w.Restart(context.Background()); err != nil {
				t.Fatal(err)
			}
			x := ramp(2, 4)
			if got := readFloats(mustRun(t, w, x)[0]); !slices.Equal(got, mlpReference(readFloats(x))) {
				t.Errorf("after the restart: %v", got)
			}
			if w.done != batches+1 {
				t.Errorf("%d batches done, want %d", w.done, batches+1)
			}
		})
	}
}

// TestWorkerGarbage requires that what native code prints harms nothing and is
// handed on, and that a Go panic in a worker is no mystery.
func TestWorkerGarbage(t *testing.T) {
	t.Setenv(crashVariable, "garbage@1")
	var said bytes.Buffer
	w := mustStart(t, "mlp", Options{}, WorkerOptions{Stderr: &said})
	mustRun(t, w, ramp(2, 4))
	w.Close()
	if !strings.Contains(said.String(), "garbage") {
		t.Error("the worker's words were not handed on")
	}
	t.Setenv(crashVariable, "panic@1")
	w = mustStart(t, "mlp", Options{}, WorkerOptions{})
	_, err := w.Run(context.Background(), []Value{ramp(1, 4)})
	faulttest.Want(t, err, fault.Teacher, "exit status 2 at batch 1: panic: a fault of ours")
}

func TestWorkerTimeout(t *testing.T) {
	w := mustStart(t, "loop", Options{}, WorkerOptions{Timeout: 300 * time.Millisecond})
	pid := w.Pid()
	start := time.Now()
	_, err := w.Run(context.Background(), []Value{ramp(1, 1)})
	faulttest.Want(t, err, fault.Teacher, "loop.onnx: no answer after 300ms at batch 1")
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	gone(t, pid)

	t.Setenv(crashVariable, "stop@1") // not even able to listen
	w = mustStart(t, "mlp", Options{}, WorkerOptions{Timeout: 300 * time.Millisecond})
	_, err = w.Run(context.Background(), []Value{ramp(1, 4)})
	faulttest.Want(t, err, fault.Teacher, "no answer after 300ms")
}

func TestWorkerCancel(t *testing.T) {
	w := mustStart(t, "loop", Options{}, WorkerOptions{})
	pid := w.Pid()
	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		_, err := w.Run(ctx, []Value{ramp(1, 1)})
		cancel()
		faulttest.Want(t, err, fault.Interrupted, "run stopped")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	}
	if w.Pid() != pid {
		t.Error("a cancelled run cost the process")
	}
	t.Setenv(crashVariable, "stop@1")
	w = mustStart(t, "mlp", Options{}, WorkerOptions{})
	pid = w.Pid()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err := w.Run(ctx, []Value{ramp(1, 4)})
	faulttest.Want(t, err, fault.Interrupted)
	gone(t, pid)
	if _, err := StartWorker(ctx, "testdata/mlp.onnx", Options{}, WorkerOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestWorkerMemoryLimit(t *testing.T) {
	w := mustStart(t, "eater", Options{}, WorkerOptions{MemoryLimit: 400 << 20})
	pid, before := w.Pid(), rss(t, os.Getpid())
	_, err := w.Run(context.Background(), []Value{ramp(1)})
	faulttest.Want(t, err, fault.Teacher, "eater.onnx", "passed the limit of 400 MiB at batch 1")
	gone(t, pid)
	if grown := rss(t, os.Getpid()) - before; grown > 64<<20 {
		t.Errorf("the parent grew by %d bytes", grown)
	}
}

// TestWorkerDiesWithParent kills a parent that runs an endless model.
func TestWorkerDiesWithParent(t *testing.T) {
	const variable = "KDONNX_ORT_TEST_PARENT"
	if os.Getenv(variable) != "" {
		w := mustStart(t, "loop", Options{}, WorkerOptions{})
		fmt.Printf("worker %d\n", w.Pid())
		w.Run(context.Background(), []Value{ramp(1, 1)})
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^TestWorkerDiesWithParent$")
	cmd.Env = append(os.Environ(), variable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "worker %d\n", &pid); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	cmd.Process.Kill()
	cmd.Wait()
	for range 200 {
		// Reparented, so a zombie is another's to reap.
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(raw), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("worker %d outlives its parent", pid)
	syscall.Kill(pid, syscall.SIGKILL)
}

// TestWorkerLibraryChanged requires that a library exchanged between two
// starts is not loaded.
func TestWorkerLibraryChanged(t *testing.T) {
	w := mustStart(t, "mlp", Options{}, WorkerOptions{})
	mustRun(t, w, ramp(1, 4))
	w.first.Library.Digest = strings.Repeat("0", 64)
	faulttest.Want(t, w.Restart(context.Background()), fault.Integrity, w.Library().Path, "sha256", strings.Repeat("0", 64))
}

// TestWorkerConstantMemory runs 2,500 batches: neither side grows.
func TestWorkerConstantMemory(t *testing.T) {
	w := mustStart(t, "mlp_batch4", Options{Batch: 4}, WorkerOptions{})
	x := ramp(1024, 4)
	var parent, child int64
	for i := range 2_500 {
		mustRun(t, w, x)
		if i == 1_000 {
			debug.FreeOSMemory()
			parent, child = rss(t, os.Getpid()), rss(t, w.Pid())
		}
	}
	debug.FreeOSMemory()
	if p, c := rss(t, os.Getpid())-parent, rss(t, w.Pid())-child; p > 16<<20 || c > 16<<20 {
		t.Errorf("grew by %d bytes here and %d in the worker", p, c)
	}
}
