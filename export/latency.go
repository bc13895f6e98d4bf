package export

import (
	"context"
	"time"

	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
)

// LatencyTime is what one measurement of Latency takes, about, unless three
// calls take longer.
const LatencyTime = 150 * time.Millisecond

// Latency is how long the model at path takes for one row in ONNX Runtime on
// this machine, on so many threads (0: as ONNX Runtime chooses, which is what a
// server gets that says nothing). The model runs in a process of its own and is
// timed there. row are its inputs; nil stands for zeros in the declared shapes.
//
// It differs from call to call, so that nothing that must be the same for the
// same run may depend on it.
func Latency(ctx context.Context, path, library string, row []ort.Value, threads int) (ort.Latency, error) {
	all, err := latencies(ctx, path, library, row, LatencyTime, threads)
	if err != nil {
		return ort.Latency{}, err
	}
	return all[0], nil
}

// Latencies is Latency twice, in two measurements of about the given time: on
// as many threads as ONNX Runtime chooses, and on one.
func Latencies(ctx context.Context, path, library string, row []ort.Value, each time.Duration) (l [2]ort.Latency, err error) {
	all, err := latencies(ctx, path, library, row, each, 0, 1)
	if err == nil {
		copy(l[:], all)
	}
	return l, err
}

// latencies times the model in one process on each number of threads.
func latencies(ctx context.Context, path, library string, row []ort.Value, each time.Duration, threads ...int) (all []ort.Latency, err error) {
	o := ort.Options{Library: library, Threads: threads[0]}
	w, err := ort.StartWorker(ctx, path, o, ort.WorkerOptions{Timeout: time.Minute})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if row == nil {
		if row, err = ort.OneRow(path, w.Inputs()); err != nil {
			return nil, err
		}
	}
	for i, n := range threads {
		if o.Threads = n; i > 0 {
			if err := w.Reopen(ctx, o); err != nil {
				return nil, err
			}
		}
		l, err := w.Time(ctx, row, each)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// Row is one row x, (D), as the exported st takes it.
func Row(st *student.Student, x []float32) []ort.Value {
	shape := []int64{1}
	for _, s := range st.InputShape() {
		shape = append(shape, int64(s))
	}
	return []ort.Value{Input(st.InputType(), shape, x)}
}
