package bench

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	ortc "github.com/yalue/onnxruntime_go"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/teacher"
)

// The test binary executed again is the worker process of a teacher.
func init() { ort.MaybeServeWorker() }

const (
	targetRows  = 6000
	targetBatch = 128
	targetWidth = 1200
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

// wideMLP is a teacher of the size that Hinton, Vinyals and Dean (2015) train
// on MNIST: 784-1200-1200-10, here with random weights.
func wideMLP() *onnx.Model {
	rng := rand.New(rand.NewPCG(7, 8))
	sizes := []int64{784, targetWidth, targetWidth, 10}
	batch := onnx.Dim{Value: -1, Param: "N"}
	g := &onnx.Graph{
		Name:    "mlp",
		Inputs:  []*onnx.Value{{Name: "x", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{batch, {Value: 784}}}},
		Outputs: []*onnx.Value{{Name: "y", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{batch, {Value: 10}}}},
	}
	at := "x"
	for i := range 3 {
		name := string(rune('a' + i))
		w := make([]float32, sizes[i]*sizes[i+1])
		for j := range w {
			w[j] = float32(rng.NormFloat64() * math.Sqrt(2/float64(sizes[i])))
		}
		g.Initializers = append(g.Initializers, onnx.FloatTensor("w"+name, []int64{sizes[i], sizes[i+1]}, w),
			onnx.FloatTensor("b"+name, []int64{sizes[i+1]}, make([]float32, sizes[i+1])))
		out := "y"
		if i < 2 {
			out = "h" + name
		}
		g.Nodes = append(g.Nodes, &onnx.Node{OpType: "Gemm", Inputs: []string{at, "w" + name, "b" + name}, Outputs: []string{out}})
		if at = out; i < 2 {
			at = "r" + name
			g.Nodes = append(g.Nodes, &onnx.Node{OpType: "Relu", Inputs: []string{out}, Outputs: []string{at}})
		}
	}
	return &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}, Graph: g}
}

// bareLoop runs the model over batches that are ready in memory, with nothing
// around it.
func bareLoop(b *testing.B, path string, x []float32) func() time.Duration {
	b.Helper()
	first, err := ort.Open(path, ort.Options{}) // loads the library
	if err != nil {
		b.Fatal(err)
	}
	first.Close()
	in, err := ortc.NewEmptyTensor[float32](ortc.NewShape(targetBatch, 784))
	if err != nil {
		b.Fatal(err)
	}
	out, err := ortc.NewEmptyTensor[float32](ortc.NewShape(targetBatch, 10))
	if err != nil {
		b.Fatal(err)
	}
	s, err := ortc.NewAdvancedSession(path, []string{"x"}, []string{"y"}, []ortc.Value{in}, []ortc.Value{out}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Destroy(); in.Destroy(); out.Destroy() })
	logits := make([]float32, 0, targetRows*10)
	return func() time.Duration {
		start := time.Now()
		logits = logits[:0]
		for at := 0; at < len(x); at += targetBatch * 784 {
			n := copy(in.GetData(), x[at:])
			if err := s.Run(); err != nil {
				b.Fatal(err)
			}
			logits = append(logits, out.GetData()[:n/784*10]...)
		}
		return time.Since(start)
	}
}

// BenchmarkTargets fills a target store, from rows to verified files, and
// reports its speed as a share of the bare loop's over the same batches.
func BenchmarkTargets(b *testing.B) {
	if _, err := ort.Find(""); err != nil {
		b.Skipf("ONNX Runtime is not installed: %v", err)
	}
	ctx := context.Background()
	path := filepath.Join(b.TempDir(), "mlp.onnx")
	if err := onnx.Write(path, wideMLP()); err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	src := &digits{make([]byte, targetRows*784)}
	x := make([]float32, len(src.pixels))
	for i := range src.pixels {
		src.pixels[i] = byte(rng.IntN(256))
		x[i] = float32(src.pixels[i]) / 255
	}
	bare := bareLoop(b, path, x)
	t, err := teacher.Open(ctx, path, teacher.Options{Input: "unit", Batch: targetBatch})
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	if _, err := t.Detect(ctx, src); err != nil {
		b.Fatal(err)
	}
	bare()
	var ours, theirs time.Duration
	for b.Loop() {
		theirs += bare()
		rows := &digits{src.pixels} // whose ids are not known from before
		start := time.Now()
		s, err := t.Fill(ctx, rows, filepath.Join(b.TempDir(), "store"), teacher.FillOptions{})
		if err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		s.Close()
	}
	b.ReportMetric(targetRows*float64(b.N)/ours.Seconds(), "rows/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "of-bare-loop")
}
