//go:build cgo && linux

package ort

import (
	"context"
	"testing"
	"time"

	ortc "github.com/yalue/onnxruntime_go"
)

// bare is the loop that a user of the native binding would write: tensors made
// once, filled and run again and again.
func bare(b *testing.B, model string, rows, in, out int64) func(x Value) {
	lib, err := Find("")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := load(lib); err != nil {
		b.Fatal(err)
	}
	x, err := ortc.NewEmptyTensor[float32](ortc.NewShape(rows, in))
	if err != nil {
		b.Fatal(err)
	}
	y, err := ortc.NewEmptyTensor[float32](ortc.NewShape(rows, out))
	if err != nil {
		b.Fatal(err)
	}
	s, err := ortc.NewAdvancedSession("testdata/"+model+".onnx", []string{"x"}, []string{"logits"}, []ortc.Value{x}, []ortc.Value{y}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Destroy(); x.Destroy(); y.Destroy() })
	return func(v Value) {
		copy(bytesOf(x.GetData()), v.Data)
		if err := s.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWorkerOverhead measures a convolutional model on batches of 128 by
// 784: the bare binding, the session and the worker take turns in blocks, so
// that what the machine does meanwhile hits all alike. The first batches of a
// block do not count: the threads of the one before still spin. A ratio is the
// bare time over ours; 1 is no overhead.
func BenchmarkWorkerOverhead(b *testing.B) {
	const rows, in, out, idle, counted = 128, 784, 10, 4, 20
	x := ramp(rows, in)
	native := bare(b, "cnn", rows, in, out)
	session := mustOpen(b, "cnn", Options{})
	worker := mustStart(b, "cnn", Options{}, WorkerOptions{MemoryLimit: 4 << 30, Timeout: time.Minute})
	ctx, feed := context.Background(), []Value{x}
	run := func(r Runner) func() {
		return func() {
			if _, err := r.Run(ctx, feed); err != nil {
				b.Fatal(err)
			}
		}
	}
	contenders := []func(){func() { native(x) }, run(session), run(worker)}
	var spent [3]time.Duration
	for i := 0; b.Loop(); i++ {
		for j := range contenders {
			j = (i + j) % len(contenders)
			for range idle {
				contenders[j]()
			}
			start := time.Now()
			for range counted {
				contenders[j]()
			}
			spent[j] += time.Since(start)
		}
	}
	b.ReportMetric(spent[0].Seconds()/spent[1].Seconds(), "session/bare")
	b.ReportMetric(spent[0].Seconds()/spent[2].Seconds(), "worker/bare")
	b.ReportMetric(float64(b.N)*counted*rows/spent[2].Seconds(), "rows/s")
}

// BenchmarkSmallModel drives a model fixed at one row with 1,024 rows a call:
// the Batch rule runs inside the worker.
func BenchmarkSmallModel(b *testing.B) {
	const rows = 1024
	x := []Value{ramp(rows, 4)}
	for name, r := range map[string]Runner{
		"session": mustOpen(b, "mlp_batch1", Options{Batch: 1, Threads: 1}),
		"worker":  mustStart(b, "mlp_batch1", Options{Batch: 1, Threads: 1}, WorkerOptions{}),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Run(context.Background(), x); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
