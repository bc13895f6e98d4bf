package distill

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/glyphs"
	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/optim"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// images are n rows of 28×28 bytes in memory as a student takes them, with
// targets that anyone can compute.
func images(tb testing.TB, n int) *rows {
	tb.Helper()
	ctx := context.Background()
	src, err := dataset.Memory(ctx, glyphs.Open(glyphs.Options{Rows: n, Labelled: -1}), memoryLimit)
	if err != nil {
		tb.Fatal(err)
	}
	ids, err := dataset.IDs(ctx, src)
	if err != nil {
		tb.Fatal(err)
	}
	const c = 10
	all, err := store.Gather("", func(add func([]dataset.RowID) error) error { return add(ids) })
	if err != nil {
		tb.Fatal(err)
	}
	w, err := store.Create(tb.TempDir(), store.Key{Classes: c}, all, 500)
	if err != nil {
		tb.Fatal(err)
	}
	for _, m := range w.Missing() {
		var z []float32
		for _, r := range w.Positions(nil, m.Index) {
			for k := range c {
				z = append(z, float32(r)+float32(k*(1+r%7))/16)
			}
		}
		if err := w.WriteShard(m.Index, z); err != nil {
			tb.Fatal(err)
		}
	}
	targets, err := w.Finish()
	if err != nil {
		tb.Fatal(err)
	}
	pipe, err := dataset.Preprocess{Layout: dataset.Flat}.Compile(src.Spec())
	if err != nil {
		tb.Fatal(err)
	}
	r, err := openRows(ctx, src, pipe, targets, dataset.MultiClass, c)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// TestFeed gives each row once a pass with its own targets, and from any step
// on what an uninterrupted feed gives there.
func TestFeed(t *testing.T) {
	const n, batch, perPass = 250, 64, 4
	r, ctx := images(t, n), context.Background()
	take := func(first, last int) (sizes []int, at []float32) {
		f := startFeed(ctx, r, 7, batch, first, last)
		for range last - first {
			m, err := f.next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, m.n)
			for i := range m.n {
				at = append(at, m.teacher[i*r.classes])
				var raw dataset.Batch
				if err := r.src.Read(ctx, []int{int(at[len(at)-1])}, &raw); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(raw.X, m.x[i*784:(i+1)*784]) || raw.Y[0] != m.labels[i] {
					t.Fatalf("a row came with the targets of row %v", at[len(at)-1])
				}
			}
			f.done(m)
		}
		return sizes, at
	}
	sizes, all := take(0, 2*perPass)
	if len(all) != 2*n || slices.Max(sizes) > batch || slices.Min(sizes) < batch-batch/8 {
		t.Errorf("batches of %v, expected %d rows twice in pieces of about %d", sizes, n, batch)
	}
	first, second := slices.Clone(all[:n]), slices.Clone(all[n:])
	if slices.Equal(first, second) || slices.IsSorted(first) {
		t.Error("the order of the rows is not drawn anew each pass")
	}
	if slices.Equal(r.order(7, 0), r.order(8, 0)) {
		t.Error("two seeds read the rows in one order")
	}
	slices.Sort(first)
	slices.Sort(second)
	if len(slices.Compact(first)) != n || len(slices.Compact(second)) != n {
		t.Error("a pass does not hold each row once")
	}
	if _, rest := take(3, 2*perPass); !slices.Equal(rest, all[sizes[0]+sizes[1]+sizes[2]:]) {
		t.Error("a feed from step 3 differs from one that began at 0")
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := startFeed(ctx, r, 7, batch, 0, 9).next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancellation: %v", err)
	}
}

// BenchmarkFeed reads mini-batches of 128 images as fast as it can.
func BenchmarkFeed(b *testing.B) { benchmarkFeed(b, images(b, 4096)) }

func benchmarkFeed(b *testing.B, r *rows) {
	const batch = 128
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	f := startFeed(ctx, r, 1, batch, 0, b.N)
	for range b.N {
		m, err := f.next(ctx)
		if err != nil {
			b.Fatal(err)
		}
		f.done(m)
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkStep is the trainer on the same mini-batches, fed from memory that
// is ready.
func BenchmarkStep(b *testing.B) {
	const batch = 128
	r, ctx := images(b, batch), context.Background()
	in := models.Input{Shape: []int{784}, Scale: []float32{1.0 / 255}, Shift: []float32{0}}
	m, err := models.Build("mlp:800,800", in, r.classes, 1)
	if err != nil {
		b.Fatal(err)
	}
	net, err := student.FromModel(m, "student")
	if err != nil {
		b.Fatal(err)
	}
	o, err := optim.New("sgd", optim.Settings{})
	if err != nil {
		b.Fatal(err)
	}
	trainer, err := student.NewTrainer(net, o, batch, 1)
	if err != nil {
		b.Fatal(err)
	}
	l, err := loss.New("classic", loss.Settings{Temperature: 4, Alpha: 1})
	if err != nil {
		b.Fatal(err)
	}
	all := make([]int, batch)
	for i := range all {
		all[i] = i
	}
	mb := &mini{}
	if err := r.read(ctx, all, mb); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		_, err := trainer.Step(mb.x, batch, func(z, dz []float32) float64 {
			return l.Eval(loss.Batch{N: batch, C: r.classes, Student: z, Teacher: mb.teacher}, dz).Total
		}, 1e-6)
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "rows/s")
}
