package export

import (
	"context"
	"time"

	"github.com/kdonnx/kdonnx/runtime/ort"
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
	w, err := ort.StartWorker(ctx, path, ort.Options{Library: library, Threads: threads}, ort.WorkerOptions{Timeout: time.Minute})
	if err != nil {
		return ort.Latency{}, err
	}
	defer w.Close()
	if row == nil {
		if row, err = ort.OneRow(path, w.Inputs()); err != nil {
			return ort.Latency{}, err
		}
	}
	return w.Time(ctx, row, LatencyTime)
}
