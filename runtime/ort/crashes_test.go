//go:build cgo && linux

package ort

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// deathsVariable says how many deaths of each kind TestDeaths survives.
const deathsVariable = "KDONNX_DEATHS"

// belongings are what this process holds besides its memory.
type belongings struct{ files, threads, routines int }

func holds() belongings {
	count := func(dir string) int { e, _ := os.ReadDir(dir); return len(e) }
	return belongings{count("/proc/self/fd"), count("/proc/self/task"), runtime.NumGoroutine()}
}

// TestDeaths runs batches through workers that die, hang or eat memory at the
// 17th of each process, a few times or as often as KDONNX_DEATHS says (make
// crashes: 100): every death is reported with its batch, the run goes on there,
// what comes out is what comes without, and neither processes nor files,
// threads, goroutines or memory are left behind.
func TestDeaths(t *testing.T) {
	const at = 17
	deaths := 4
	if n, err := strconv.Atoi(os.Getenv(deathsVariable)); err == nil {
		deaths = n
	}
	ctx := context.Background()
	x := rowsOf(9) // batches that differ, over and over
	for how, want := range map[string]string{
		"segv":   "teacher process died: signal 11 (segmentation fault) at batch %d: about to touch page zero",
		"abort":  "teacher process died: signal 6 (aborted) at batch %d",
		"exit":   "teacher process died: exit status 0 at batch %d: goodbye from stdout",
		"babble": "teacher process killed: it gave an unreadable answer at batch %d",
		"stop":   "no answer after 300ms at batch %d",
		"eat":    "passed the limit of 256 MiB at batch %d",
	} {
		t.Run(how, func(t *testing.T) {
			t.Setenv(crashVariable, fmt.Sprintf("%s@%d", how, at))
			patience := time.Minute
			if how == "stop" {
				patience = 300 * time.Millisecond
			}
			w := mustStart(t, "mlp", Options{Threads: 1}, WorkerOptions{MemoryLimit: 256 << 20, Timeout: patience})
			var before belongings
			var memory int64
			died := 0
			for batch := 1; died < deaths; batch++ {
				in, next := x[batch%len(x)], x[(batch+1)%len(x)]
				pid := w.Pid()
				got, err := w.RunAhead(ctx, in, next)
				if err != nil {
					faulttest.Want(t, err, fault.Teacher, fmt.Sprintf(want, batch))
					if (batch-died*(at-1))%at != 0 { // the batch that fails is the first of the next process
						t.Fatalf("death %d at batch %d", died+1, batch)
					}
					died++
					gone(t, pid)
					if err := syscall.Kill(-pid, 0); !errors.Is(err, syscall.ESRCH) {
						t.Errorf("its group is still there: %v", err)
					}
					if err := w.Restart(ctx); err != nil {
						t.Fatal(err)
					}
					if got, err = w.RunAhead(ctx, in, next); err != nil {
						t.Fatal(err)
					}
				}
				wantRows(t, in, got)
				if died == max(1, deaths/10) && memory == 0 {
					debug.FreeOSMemory()
					before, memory = holds(), rss(t, os.Getpid())
				}
			}
			w.Close()
			after := holds()
			for range 200 { // the goroutines of the last process end a little later
				if after.files <= before.files && after.threads <= before.threads+2 && after.routines <= before.routines {
					break
				}
				time.Sleep(10 * time.Millisecond)
				after = holds()
			}
			if after.files > before.files || after.threads > before.threads+2 || after.routines > before.routines {
				t.Errorf("left after %d deaths: %+v, before %+v", died, after, before)
			}
			debug.FreeOSMemory()
			if grown := rss(t, os.Getpid()) - memory; grown > 16<<20 {
				t.Errorf("this process grew by %d bytes", grown)
			}
		})
	}
}

// grower is a model whose one node makes a tensor of n float32s, from nothing
// (ConstantOfShape), or from a value that comes in (Expand, Tile).
func grower(t *testing.T, op string, n int64) string {
	t.Helper()
	ints := func(name string, v ...int64) *onnx.Tensor {
		return &onnx.Tensor{Name: name, DType: onnx.Int64, Dims: []int64{int64(len(v))}, Data: bytesOf(v)}
	}
	node := &onnx.Node{OpType: op, Inputs: []string{"x", "size"}, Outputs: []string{"y"}}
	size := ints("size", n, 1)
	nodes := []*onnx.Node{node}
	if op == "ConstantOfShape" {
		// x takes part, or the graph would be folded when it is loaded.
		node.Inputs, node.Outputs = []string{"size"}, []string{"zeros"}
		nodes = []*onnx.Node{
			{OpType: "Shape", Inputs: []string{"x"}, Outputs: []string{"shape"}},
			{OpType: "Mul", Inputs: []string{"shape", "times"}, Outputs: []string{"size"}},
			node,
			{OpType: "Add", Inputs: []string{"zeros", "x"}, Outputs: []string{"y"}},
		}
		size = ints("times", n, 1)
	}
	any := []onnx.Dim{{Value: -1, Param: "a"}, {Value: -1, Param: "b"}}
	m := &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}, Graph: &onnx.Graph{
		Name: "grower", Nodes: nodes, Initializers: []*onnx.Tensor{size},
		Inputs:  []*onnx.Value{{Name: "x", DType: onnx.Float32, HasShape: true, Shape: any}},
		Outputs: []*onnx.Value{{Name: "y", DType: onnx.Float32, HasShape: true, Shape: any}},
	}}
	path := filepath.Join(t.TempDir(), strings.ToLower(op)+".onnx")
	if err := onnx.Write(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWorkerGrows runs small models that make tensors of 16 GiB and of 4 TiB:
// the process is killed at its cap or the model is refused, and this process
// does not grow.
func TestWorkerGrows(t *testing.T) {
	before := rss(t, os.Getpid())
	for _, op := range []string{"Expand", "Tile", "ConstantOfShape"} {
		for _, n := range []int64{1 << 32, 1 << 40} {
			w, err := StartWorker(context.Background(), grower(t, op, n), Options{}, WorkerOptions{MemoryLimit: 300 << 20, Timeout: time.Minute})
			if err != nil {
				t.Fatalf("%s: %v", op, err)
			}
			pid := w.Pid()
			_, err = w.Run(context.Background(), []Value{ramp(1, 1)})
			if kind := fault.KindOf(err); kind == fault.Teacher {
				faulttest.Want(t, err, fault.Teacher, "passed the limit of 300 MiB at batch 1")
				gone(t, pid)
			} else { // the system may refuse so much at once
				faulttest.Want(t, err, fault.Input, "ONNX Runtime cannot run the model")
				if w.Pid() == 0 {
					t.Error("the worker died")
				}
			}
			if now, _ := w.Memory(); now > 400<<20 {
				t.Errorf("%s: the worker still has %d bytes", op, now)
			}
			w.Close()
		}
	}
	if grown := rss(t, os.Getpid()) - before; grown > 64<<20 {
		t.Errorf("this process grew by %d bytes", grown)
	}
}

// TestReopen opens a model in other ways in one process.
func TestReopen(t *testing.T) {
	ctx := context.Background()
	w := mustStart(t, "two_inputs", Options{}, WorkerOptions{})
	pid, all := w.Pid(), len(w.Outputs())
	in := []Value{ramp(7, 2), ramp(7, 2)}
	want := mustRun(t, w, in...)
	at := slices.IndexFunc(w.Outputs(), func(i Info) bool { return i.Name == "square" })
	square := bytes.Clone(want[at].Data)
	if err := w.Reopen(ctx, Options{Outputs: []string{"square"}, Batch: 2, Lanes: 3}); err != nil {
		t.Fatal(err)
	}
	if got := mustRun(t, w, in...); len(got) != 1 || !bytes.Equal(got[0].Data, square) || w.Pid() != pid || all < 2 {
		t.Errorf("%d of %d outputs, process %d after %d", len(got), all, w.Pid(), pid)
	}
	// What was handed over before is not the answer to anything after.
	if _, err := w.RunAhead(ctx, in, in); err != nil {
		t.Fatal(err)
	}
	if err := w.Reopen(ctx, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := mustRun(t, w, in...); len(got) != all {
		t.Errorf("%d outputs, want %d", len(got), all)
	}
	faulttest.Want(t, w.Reopen(ctx, Options{Outputs: []string{"no"}}), fault.Usage, `no output "no"`)
	_, err := w.Run(ctx, in)
	faulttest.Want(t, err, fault.Teacher, "not running")
	if err := w.Reopen(ctx, Options{}); err != nil {
		t.Fatal(err)
	}
	mustRun(t, w, in...)
}
