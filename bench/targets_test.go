package bench

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	ortc "github.com/yalue/onnxruntime_go"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/teacher"
)

// The test binary executed again is the worker process of a teacher.
func init() { ort.MaybeServeWorker() }

const (
	targetRows  = 20000
	targetBatch = 128
)

// digits are rows in memory that look like MNIST.
type digits struct{ pixels []byte }

func (d *digits) Spec() dataset.Spec {
	return dataset.Spec{Shape: []int{28, 28, 1}, Image: true, DType: dataset.Uint8}
}
func (d *digits) Len() int     { return targetRows }
func (d *digits) Close() error { return nil }
func (d *digits) Read(ctx context.Context, rows []int, b *dataset.Batch) error {
	b.Reset(len(rows), 784)
	for i, r := range rows {
		for j, p := range d.pixels[r*784 : (r+1)*784] {
			b.X[i*784+j] = float32(p)
		}
		b.Y[i] = dataset.Unlabelled
	}
	return ctx.Err()
}

// targetTeachers are what a bare loop is held against: the net that Hinton,
// Vinyals and Dean (2015) train on MNIST, and a small convolutional one.
var targetTeachers = []string{"mlp:1200,1200", "lenet", "cnn:16,32"}

// random writes the architecture with fresh weights, on raw rows.
func random(b *testing.B, arch string) (path string) {
	b.Helper()
	m, err := models.Build(arch, models.Input{Name: "x", Shape: []int{1, 28, 28}}, 10, 1)
	if err != nil {
		b.Fatal(err)
	}
	path = filepath.Join(b.TempDir(), "teacher.onnx")
	if err := onnx.Write(path, m); err != nil {
		b.Fatal(err)
	}
	return path
}

// bareLoop runs the model over batches that are ready in memory, with nothing
// around it.
func bareLoop(b *testing.B, path string, x []float32) func() time.Duration {
	b.Helper()
	run, in, out := bareSession(b, path, ortc.NewShape(targetBatch, 1, 28, 28), ortc.NewShape(targetBatch, 10))
	logits := make([]float32, 0, targetRows*10)
	return func() time.Duration {
		start := time.Now()
		logits = logits[:0]
		for at := 0; at < len(x); at += targetBatch * 784 {
			n := copy(in, x[at:])
			run()
			logits = append(logits, out[:n/784*10]...)
		}
		return time.Since(start)
	}
}

// BenchmarkTargets fills a target store, from rows to verified files, and
// reports its speed as a share of the bare loop's over the same batches.
func BenchmarkTargets(b *testing.B) {
	if _, err := ort.Find(""); err != nil {
		b.Fatalf("%v (make bench installs it)", err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	src := &digits{make([]byte, targetRows*784)}
	x := make([]float32, len(src.pixels))
	for i := range src.pixels {
		src.pixels[i] = byte(rng.IntN(256))
		x[i] = float32(src.pixels[i])
	}
	for _, arch := range targetTeachers {
		b.Run(arch, func(b *testing.B) { benchTargets(b, random(b, arch), src, x) })
	}
}

// benchTargets takes turns with the bare loop, so that both meet the same
// machine, and reports medians.
func benchTargets(b *testing.B, path string, src *digits, x []float32) {
	ctx := context.Background()
	bare := bareLoop(b, path, x)
	t, err := teacher.Open(ctx, path, teacher.Options{Input: "raw", Batch: targetBatch})
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	if _, err := t.Detect(ctx, src); err != nil {
		b.Fatal(err)
	}
	bare()
	var ours, theirs, ratios []float64
	for b.Loop() {
		theirs = append(theirs, bare().Seconds())
		rows := &digits{src.pixels} // whose ids are not known from before
		start := time.Now()
		s, err := t.Fill(ctx, rows, filepath.Join(b.TempDir(), "store"), teacher.FillOptions{})
		if err != nil {
			b.Fatal(err)
		}
		ours = append(ours, time.Since(start).Seconds())
		s.Close()
		ratios = append(ratios, theirs[len(theirs)-1]/ours[len(ours)-1])
	}
	b.ReportMetric(targetRows/median(ours), "rows/s")
	b.ReportMetric(targetRows/median(theirs), "bare-rows/s")
	b.ReportMetric(median(ratios), "of-bare-loop")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
