package ort

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Latency is how long single calls of a model take, inside the process that
// runs it: what a server sees that has ONNX Runtime linked in.
type Latency struct {
	Calls  int           // that were timed
	Median time.Duration // of them
	P95    time.Duration // 95 of 100 calls take no longer
}

// Bounds of a measurement. What the caller allows for it bounds the calls
// between them.
const (
	warmCalls = 20 // that are not counted, at most, for a fifth of the time
	minCalls  = 3  // unless the first one takes all the time
	maxCalls  = 2000
)

// maxRow bounds the values of a row that OneRow makes up.
const maxRow = 1 << 28

// Timer is a Runner that can say how long a call takes.
type Timer interface {
	Runner
	// Time makes the call over and over for about as long as is allowed. Of a
	// call that takes longer one is enough.
	Time(ctx context.Context, inputs []Value, allowed time.Duration) (Latency, error)
}

// Measure times calls of run for about as long as is allowed, after a few that
// do not count. Of a call that takes longer one is enough.
func Measure(ctx context.Context, allowed time.Duration, run func() error) (Latency, error) {
	began := time.Now()
	for warm := 0; warm < warmCalls && (warm == 0 || time.Since(began) < allowed/5); warm++ {
		if err := run(); err != nil {
			return Latency{}, err
		}
		if only := time.Since(began); warm == 0 && only > allowed {
			return latencyOf([]time.Duration{only}), nil
		}
	}
	var took []time.Duration
	for len(took) < maxCalls && (len(took) < minCalls || time.Since(began) < allowed) {
		if err := ctx.Err(); err != nil {
			return Latency{}, err
		}
		start := time.Now()
		if err := run(); err != nil {
			return Latency{}, err
		}
		took = append(took, time.Since(start))
	}
	return latencyOf(took), nil
}

// latencyOf sums up the times of at least one call. The median of an even
// number is the mean of the two in the middle.
func latencyOf(took []time.Duration) Latency {
	slices.Sort(took)
	n := len(took)
	return Latency{Calls: n, Median: (took[(n-1)/2] + took[n/2]) / 2, P95: took[(95*n+99)/100-1]}
}

// OneRow makes an input of one row for each of infos: zeros, empty texts, and
// 1 for any other axis that is left open. What cannot be a tensor is an Input
// fault.
func OneRow(model string, infos []Info) ([]Value, error) {
	row := make([]Value, len(infos))
	for i, in := range infos {
		v := Value{DType: in.DType, Shape: slices.Clone(in.Shape)}
		n := int64(1)
		for k, d := range v.Shape {
			if d <= 0 {
				v.Shape[k] = 1
			}
			n = min(n, maxRow) * min(v.Shape[k], maxRow)
		}
		switch size := int64(in.DType.Size()); {
		case in.Kind != onnx.KindTensor || size == 0 && in.DType != onnx.String || n >= maxRow:
			return nil, fault.New(fault.Input, model, "input "+in.Name, "got %s of shape %v, expected a tensor of fewer than %d values", in.DType, in.Shape, maxRow)
		case in.DType == onnx.String:
			v.Strings = make([]string, n)
		default:
			v.Data = make([]byte, (n*size+7)&^7)[:n*size] // aligned to 8 bytes
		}
		row[i] = v
	}
	return row, nil
}

// String is the median for people.
func (l Latency) String() string {
	return fmt.Sprintf("%v a row (95 %% of %d calls within %v)", l.Median.Round(time.Microsecond/10), l.Calls, l.P95.Round(time.Microsecond/10))
}
