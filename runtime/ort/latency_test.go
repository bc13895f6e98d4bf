//go:build cgo && linux

package ort

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func TestLatencyOf(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration((i*37)%100+1)) // 1 to 100, shuffled
	}
	for _, c := range []struct {
		took        []time.Duration
		median, p95 time.Duration
	}{
		{[]time.Duration{7}, 7, 7},
		{[]time.Duration{9, 1, 5}, 5, 9},
		{[]time.Duration{4, 2}, 3, 4},
		{hundred, 50, 95}, // (50 + 51)/2 in whole nanoseconds
	} {
		n := len(c.took)
		if got := latencyOf(c.took); got.Median != c.median || got.P95 != c.p95 || got.Calls != n {
			t.Errorf("%d calls: %+v, want median %d, 95 of 100 within %d", n, got, c.median, c.p95)
		}
	}
}

// TestTimed times a call of known length, and requires that the first ones are
// not counted and that no time is wasted.
func TestTimed(t *testing.T) {
	calls := 0
	began := time.Now()
	l, err := Measure(t.Context(), 100*time.Millisecond, func() error {
		if calls++; calls == 1 {
			time.Sleep(60 * time.Millisecond)
		}
		time.Sleep(2 * time.Millisecond)
		return nil
	})
	took := time.Since(began)
	if err != nil || l.Median < 2*time.Millisecond || l.Median > 30*time.Millisecond || l.Calls >= calls || l.Calls < minCalls {
		t.Errorf("%+v of %d calls in %v: %v", l, calls, took, err)
	}
	slow := 0
	l, err = Measure(t.Context(), time.Millisecond, func() error { slow++; time.Sleep(5 * time.Millisecond); return nil })
	if err != nil || slow != 1 || l.Calls != 1 || l.Median < 5*time.Millisecond {
		t.Errorf("a call that takes all the time was made %d times, %+v, %v", slow, l, err)
	}
}

// TestTimer times models of every kind of input in this process and in a
// worker, which must go on giving what it gave.
func TestTimer(t *testing.T) {
	for _, c := range []struct {
		model string
		o     Options
	}{{"mlp", Options{}}, {"mlp", Options{Threads: 1}}, {"mlp_batch1", Options{Batch: 1}}, {"two_inputs", Options{}}, {"flat_float16", Options{}}, {"identity_string", Options{}}} {
		path := filepath.Join("testdata", c.model+".onnx")
		s, err := Open(path, c.o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, r := range []Timer{s, mustStart(t, c.model, c.o, WorkerOptions{Timeout: 20 * time.Second})} {
			row, err := OneRow(path, r.Inputs())
			if err != nil {
				t.Fatal(err)
			}
			before, err := r.Run(t.Context(), row)
			if err != nil {
				t.Fatal(err)
			}
			first := string(before[0].Data)
			l, err := r.Time(t.Context(), row, 10*time.Millisecond)
			if err != nil || l.Median <= 0 || l.P95 < l.Median || l.Calls < 1 {
				t.Errorf("%s: %+v, %v", c.model, l, err)
			}
			after, err := r.Run(t.Context(), row)
			if err != nil || string(after[0].Data) != first {
				t.Errorf("%s: another answer after it was timed (%v)", c.model, err)
			}
		}
	}
}

func TestTimerStops(t *testing.T) {
	w := mustStart(t, "mlp", Options{}, WorkerOptions{})
	row, err := OneRow("mlp", w.Inputs())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := w.Time(ctx, row, time.Hour); fault.KindOf(err) != fault.Interrupted {
		if err != nil || time.Since(began) > time.Minute { // or 2,000 calls were over sooner
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	}
	w.Close()
	if _, err := w.Time(t.Context(), row, 0); fault.KindOf(err) != fault.Teacher {
		t.Errorf("of a closed worker: %v", err)
	}
	bad := []Value{{DType: onnx.Float32, Shape: []int64{1, 2}, Data: make([]byte, 8)}}
	w = mustStart(t, "mlp", Options{}, WorkerOptions{})
	if _, err := w.Time(t.Context(), bad, 0); fault.KindOf(err) != fault.Input {
		t.Errorf("with a wrong shape: %v", err)
	}
	if _, err := w.Time(t.Context(), row, 0); err != nil {
		t.Errorf("after a wrong one: %v", err)
	}
}

func TestOneRow(t *testing.T) {
	for name, in := range map[string]Info{
		"a map":    {Name: "x", Kind: onnx.KindMap},
		"too much": {Name: "x", Kind: onnx.KindTensor, DType: onnx.Float32, Shape: []int64{1 << 40, 1 << 40, 1 << 40}},
	} {
		if _, err := OneRow("m.onnx", []Info{in}); fault.KindOf(err) != fault.Input {
			t.Errorf("%s: %v", name, err)
		}
	}
	row, err := OneRow("m.onnx", []Info{{Name: "x", Kind: onnx.KindTensor, DType: onnx.Int64, Shape: []int64{-1, 3, -1}}})
	if err != nil || len(row[0].Data) != 24 || row[0].Shape[0] != 1 || row[0].Shape[2] != 1 {
		t.Errorf("%+v, %v", row, err)
	}
}
