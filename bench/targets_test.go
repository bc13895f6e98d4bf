package bench

import (
	"context"
	"math/rand/v2"
	"os"
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
	run, in, out := bareSession(b, path, "x", "logits", ortc.NewShape(targetBatch, 1, 28, 28), ortc.NewShape(targetBatch, 10))
	return timedLoop(x, run, in, out)
}

// timedLoop feeds x, rows of 784, to run, as many at once as its input in takes.
func timedLoop(x []float32, run func(), in, out []float32) func() time.Duration {
	logits := make([]float32, 0, len(x)/784*10)
	return func() time.Duration {
		start := time.Now()
		logits = logits[:0]
		for at := 0; at < len(x); at += len(in) {
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
	t, err := teacher.Open(ctx, path, teacher.Options{Input: "raw"})
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	takeTurns(b, t, bareLoop(b, path, x), func() dataset.Source { return &digits{src.pixels} })
}

// takeTurns fills stores with the rows that fresh gives, whose ids are not known
// from before, in turns with the bare loop.
func takeTurns(b *testing.B, t *teacher.Teacher, bare func() time.Duration, fresh func() dataset.Source) {
	b.Helper()
	ctx := context.Background()
	src := fresh()
	if _, err := t.Detect(ctx, src); err != nil {
		b.Fatal(err)
	}
	n := float64(src.Len())
	bare()
	var ours, theirs, ratios []float64
	for b.Loop() {
		time.Sleep(300 * time.Millisecond)
		theirs = append(theirs, bare().Seconds())
		rows := fresh()
		time.Sleep(300 * time.Millisecond) // the threads of ONNX Runtime spin on for a while
		start := time.Now()
		s, err := t.Fill(ctx, rows, filepath.Join(b.TempDir(), "store"), teacher.FillOptions{})
		if err != nil {
			b.Fatal(err)
		}
		ours = append(ours, time.Since(start).Seconds())
		s.Close()
		ratios = append(ratios, theirs[len(theirs)-1]/ours[len(ours)-1])
	}
	b.ReportMetric(n/median(ours), "rows/s")
	b.ReportMetric(n/median(theirs), "bare-rows/s")
	b.ReportMetric(median(ratios), "of-bare-loop")
	b.ReportMetric(float64(t.Stats().Piece), "rows/call")
	b.ReportMetric(float64(t.Stats().Peak)/(1<<20), "worker-MiB")
}

// publicTeachers are models by others and what a bare loop needs to know.
var publicTeachers = []struct {
	model, in, out string
	batch          int64
}{
	{"tribuo-pytorch_cnn_mnist", "input_image", "output_probs", targetBatch},
	{"burn-mnist", "input.1", "33", 1},
	{"winml-mnist", "Input3", "Plus214_Output_0", 1},
}

// BenchmarkPublicTargets is BenchmarkTargets with public teachers on the 60,000
// rows of MNIST, which lie beside the repository where there are any.
func BenchmarkPublicTargets(b *testing.B) {
	data := filepath.Join("..", "..", "shared", "data")
	if _, err := os.Stat(data); err != nil {
		b.Skip("public models are not beside the repository")
	}
	ctx := context.Background()
	fresh := func() dataset.Source {
		src, err := dataset.Open(filepath.Join(data, "mnist"), dataset.Options{})
		if err != nil {
			b.Fatal(err)
		}
		return src
	}
	src := fresh()
	x := make([]float32, 0, src.Len()*784)
	err := dataset.Batches(ctx, src, nil, 1000, func(_ []int, batch *dataset.Batch) error {
		x = append(x, batch.X...)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range publicTeachers {
		b.Run(m.model, func(b *testing.B) {
			path := filepath.Join(data, "teachers", m.model+".onnx")
			run, in, out := bareSession(b, path, m.in, m.out, ortc.NewShape(m.batch, 1, 28, 28), ortc.NewShape(m.batch, 10))
			t, err := teacher.Open(ctx, path, teacher.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer t.Close()
			takeTurns(b, t, timedLoop(x, run, in, out), fresh)
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
