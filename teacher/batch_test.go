package teacher

import (
	"context"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

func TestBatchRules(t *testing.T) {
	src := greys(200, 1)
	ctx := context.Background()
	refuseMany := func(f *fake) {
		plain := f.f
		f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
			if n > 1 {
				return nil, fault.New(fault.Input, "fake.onnx", "", "cannot reshape")
			}
			return plain(in, n)
		}
	}
	for _, c := range []struct {
		name         string
		lead         int64
		change       func(f *fake)
		o            Options
		batch, fixed int
		single       bool
		words        string
	}{
		{"free", -1, func(*fake) {}, Options{}, 128, 0, false, "batch: any, 128 rows a call"},
		{"free, asked for 50", -1, func(*fake) {}, Options{Batch: 50}, 50, 0, false, "batch: any, 50 rows a call"},
		{"declared 1", 1, func(*fake) {}, Options{}, 128, 1, false, "batch: 1, declared"},
		{"declared 7", 7, func(*fake) {}, Options{}, 128, 7, false, "batch: 7, declared"},
		{"free but only 1 works", -1, refuseMany, Options{}, 128, 1, false, "though declared free: 128 rows at once fail: "},
		{"rows are joined", -1, func(f *fake) {
			plain := f.f
			f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
				out, err := plain(in, n)
				if err == nil {
					out[0].Shape = []int64{1, int64(n * kind)}
				}
				return out, err
			}
		}, Options{}, 128, 1, false, "128 rows give outputs of shape (1, 384)"},
		{"rows mix", -1, func(f *fake) {
			plain := f.f
			f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
				out, err := plain(in, n)
				if err != nil {
					return nil, err
				}
				x := scores(nil, out[0])
				for i := range x {
					x[i] -= x[0] * float32(n-1) / 64
				}
				return []ort.Value{value(onnx.Float32, x, int64(n), kind)}, nil
			}
		}, Options{}, 128, 1, false, "a row's output depends on the rows beside it"},
		{"no axis for the batch", 1, func(f *fake) {
			plain := f.f
			f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
				out, err := plain(in, n)
				if err == nil {
					out[0].Shape = out[0].Shape[1:]
				}
				return out, err
			}
		}, Options{}, 128, 1, true, "batch: 1, declared"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := greyFake(onnx.Float32, unitOf["unit"], Logits, c.lead, 1, side, side)
			c.change(f)
			x := f.teach(t, c.o)
			got := detect(t, x, src)
			if got.Batch != c.batch || got.FixedBatch != c.fixed || got.Single != c.single {
				t.Fatalf("got batch %d fixed %d single %v:\n%v", got.Batch, got.FixedBatch, got.Single, got)
			}
			says(t, got, c.words)
			if *got.Accuracy < 0.99 || got.Range != "unit" {
				t.Errorf("got\n%v", got)
			}
			z := make([]float32, 9*kind)
			if err := x.Logits(ctx, batchOf(src.x[:9*side*side], 9), z); err != nil {
				t.Fatal(err)
			}
			row := slices.Clone(src.x[8*side*side : 9*side*side])
			for i := range row {
				row[i] /= 255
			}
			near(t, z[8*kind:], greyLogits(row))
		})
	}
}
