package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	ortc "github.com/yalue/onnxruntime_go"

	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
)

// BenchmarkInfer predicts with an exported student natively and in ONNX
// Runtime, in turns on the same rows, and reports the native speed as a
// multiple of the other's.
func BenchmarkInfer(b *testing.B) {
	if _, err := ort.Find(""); err != nil {
		b.Fatalf("%v (make bench installs it)", err)
	}
	for _, model := range []string{"mlp", "cnn"} {
		for _, batch := range []int{1, 128} {
			b.Run(fmt.Sprintf("%s/batch=%d", model, batch), func(b *testing.B) { benchInfer(b, netOf(model), batch) })
		}
	}
}

func benchInfer(b *testing.B, n net, batch int) {
	m, err := models.Build(n.spec, models.Input{Name: "x", Shape: n.shape}, n.classes, 1)
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "student.onnx")
	if err := onnx.Write(path, m); err != nil {
		b.Fatal(err)
	}
	s, err := student.Load(path)
	if err != nil {
		b.Fatal(err)
	}
	size := 1
	dims := []int64{int64(batch)}
	for _, d := range n.shape {
		size *= d
		dims = append(dims, int64(d))
	}
	theirs, x, _ := bareSession(b, path, "x", "logits", ortc.NewShape(dims...), ortc.NewShape(int64(batch), int64(n.classes)))
	for i := range x {
		x[i] = float32(i%97)/97 - 0.5
	}
	p, out := s.Predictor(), make([]float32, batch*n.classes)
	ours := func() {
		if err := p.Predict(context.Background(), x, batch, out); err != nil {
			b.Fatal(err)
		}
	}
	theirs()
	ours()
	// Calls come in blocks with a pause between: the threads of ONNX Runtime
	// spin for a while after a call and would take a core from ours.
	block := func(f func()) float64 {
		time.Sleep(500 * time.Millisecond)
		var times []float64
		for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end) || len(times) < 3; {
			start := time.Now()
			f()
			times = append(times, time.Since(start).Seconds())
		}
		return median(times)
	}
	var mine, other, ratios []float64
	for b.Loop() {
		for range 5 {
			t, o := block(theirs), block(ours)
			mine, other, ratios = append(mine, o), append(other, t), append(ratios, t/o)
		}
	}
	b.ReportMetric(float64(batch)/median(mine), "rows/s")
	b.ReportMetric(float64(batch)/median(other), "ort-rows/s")
	b.ReportMetric(median(ratios), "×ort")
}

// bareSession runs the model in ONNX Runtime with nothing around it; x is its
// input, of the name input, and y its output.
func bareSession(b *testing.B, path, input, output string, in, out ortc.Shape) (run func(), x, y []float32) {
	b.Helper()
	first, err := ort.Open(path, ort.Options{}) // loads the library
	if err != nil {
		b.Fatal(err)
	}
	first.Close()
	src, err := ortc.NewEmptyTensor[float32](in)
	if err != nil {
		b.Fatal(err)
	}
	dst, err := ortc.NewEmptyTensor[float32](out)
	if err != nil {
		b.Fatal(err)
	}
	s, err := ortc.NewAdvancedSession(path, []string{input}, []string{output}, []ortc.Value{src}, []ortc.Value{dst}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Destroy(); src.Destroy(); dst.Destroy() })
	return func() {
		if err := s.Run(); err != nil {
			b.Fatal(err)
		}
	}, src.GetData(), dst.GetData()
}
