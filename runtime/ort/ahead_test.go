//go:build cgo && linux

package ort

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// rowsOf are n batches that differ in size and values.
func rowsOf(n int) [][]Value {
	out := make([][]Value, n)
	for i := range out {
		v := ramp(int64(3+i+i*17%40), 4)
		v.Shape[0] -= int64(i) // other values in the same place
		v.Data = v.Data[16*i:]
		out[i] = []Value{v}
	}
	return out
}

// wantRows requires the result of mlp for a batch.
func wantRows(t *testing.T, in, got []Value) {
	t.Helper()
	if want := mlpReference(readFloats(in[0])); !slices.Equal(readFloats(got[0]), want) {
		t.Errorf("got %v, want %v", readFloats(got[0]), want)
	}
}

func TestRunAhead(t *testing.T) {
	ctx := context.Background()
	w := mustStart(t, "mlp", Options{}, WorkerOptions{Timeout: time.Minute})
	x := append(rowsOf(20), nil)
	x[0] = []Value{ramp(90000, 4)}  // is not over when the next is handed over
	x[9] = []Value{ramp(2000, 4)}   // the regions grow under a run
	x[10] = []Value{ramp(90000, 4)} // both of them
	for i, in := range x[:20] {
		got, err := w.RunAhead(ctx, in, x[i+1])
		if err != nil {
			t.Fatal(err)
		}
		wantRows(t, in, got)
		if (w.child.ahead != nil) != (i < 19) {
			t.Fatalf("batch %d: handed over: %v", i, w.child.ahead)
		}
	}
	// What was handed over and is not asked for is forgotten.
	for _, next := range [][]Value{x[1], {ramp(2, 5)}} {
		if _, err := w.RunAhead(ctx, x[0], next); err != nil {
			t.Fatal(err)
		}
		got, err := w.RunAhead(ctx, x[2], x[3])
		if err != nil {
			t.Fatal(err)
		}
		wantRows(t, x[2], got)
	}
	wantRows(t, x[3], mustRun(t, w, x[3]...))
	// A fault of the next batch is that of the call for it, one of this batch
	// leaves nothing to be taken for the next.
	bad := []Value{ramp(2, 5)}
	if _, err := w.RunAhead(ctx, x[0], bad); err != nil {
		t.Fatal(err)
	}
	_, err := w.RunAhead(ctx, bad, x[4])
	faulttest.Want(t, err, fault.Input, "got shape (2, 5)")
	copy(x[4][0].Data, x[5][0].Data[:4])
	wantRows(t, x[4], mustRun(t, w, x[4]...))
}

// TestRunAheadCrash requires the number of the batch that crashed, whether it
// was under way or waited, and the same results after a restart.
func TestRunAheadCrash(t *testing.T) {
	ctx := context.Background()
	for how, at := range map[string]int{"segv@1": 0, "segv@4": 3, "exit@2": 1} {
		t.Setenv(crashVariable, how)
		w := mustStart(t, "mlp", Options{}, WorkerOptions{})
		x := append(rowsOf(7), nil)
		for i, in := range x[:7] {
			got, err := w.RunAhead(ctx, in, x[i+1])
			if i == at {
				faulttest.Want(t, err, fault.Teacher, "at batch "+string(rune('1'+at)))
				t.Setenv(crashVariable, "")
				if err := w.Restart(ctx); err != nil {
					t.Fatal(err)
				}
				got, err = w.RunAhead(ctx, in, x[i+1])
			}
			if err != nil {
				t.Fatal(err)
			}
			wantRows(t, in, got)
		}
	}
}

// TestRunAheadStopped hangs at the second of two batches: it is neither waited
// for without end nor a fault of the first.
func TestRunAheadStopped(t *testing.T) {
	t.Setenv(crashVariable, "stop@2")
	x := rowsOf(2)
	w := mustStart(t, "mlp", Options{}, WorkerOptions{Timeout: 300 * time.Millisecond})
	if _, err := w.RunAhead(context.Background(), x[0], x[1]); err != nil {
		t.Fatal(err)
	}
	_, err := w.RunAhead(context.Background(), x[1], nil)
	faulttest.Want(t, err, fault.Teacher, "no answer after 300ms at batch 2")

	w = mustStart(t, "mlp", Options{}, WorkerOptions{})
	if _, err := w.RunAhead(context.Background(), x[0], x[1]); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err = w.RunAhead(ctx, x[1], nil)
	faulttest.Want(t, err, fault.Interrupted)
}

// TestRunAheadCancelled goes on with a live process after a cancelled run, and
// never takes a result that the cancel may have spoilt.
func TestRunAheadCancelled(t *testing.T) {
	w := mustStart(t, "mlp", Options{}, WorkerOptions{})
	x := rowsOf(2)
	big := []Value{ramp(90000, 4)}
	for i := range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Duration(i)*200*time.Microsecond, cancel)
		if _, err := w.RunAhead(ctx, big, x[1]); err != nil {
			faulttest.Want(t, err, fault.Interrupted)
		}
		<-ctx.Done()
		cancel()
		if w.child == nil {
			t.Fatal("the process is gone")
		}
		wantRows(t, x[1], mustRun(t, w, x[1]...))
	}
}
