package dataset_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/datasettest"
	"github.com/kdonnx/kdonnx/dataset/glyphs"
)

func TestMemory(t *testing.T) {
	ctx := context.Background()
	src := glyphs.Open(glyphs.Options{Rows: 300, Labelled: 100, Seed: 3})
	datasettest.Suite(t, func() dataset.Source {
		m, err := dataset.Memory(ctx, src, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		return m
	})
	if m, err := dataset.Memory(ctx, src, 1000); m != src || err != nil {
		t.Error("a source above the limit was not left as it is")
	}
}

// values is a Source of one feature.
type values []float32

func (v values) Spec() dataset.Spec { return dataset.Spec{Shape: []int{1}, DType: dataset.Float32} }
func (v values) Len() int           { return len(v) }
func (v values) Close() error       { return nil }
func (v values) Read(_ context.Context, rows []int, b *dataset.Batch) error {
	b.Reset(len(rows), 1)
	for i, r := range rows {
		b.X[i], b.Y[i] = v[r], dataset.Unlabelled
	}
	return nil
}

// TestMemoryKeepsBits holds that bytes are stored only where nothing is lost,
// a fraction, a sign of zero and NaN included, wherever it first occurs.
func TestMemoryKeepsBits(t *testing.T) {
	ctx := context.Background()
	bytes := make(values, 600)
	for i := range bytes {
		bytes[i] = float32(i % 256)
	}
	for _, odd := range []float32{7, 0.5, 256, -1, float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(1))} {
		for _, at := range []int{0, 300, 599} {
			v := slices.Clone(bytes)
			v[at] = odd
			m, err := dataset.Memory(ctx, v, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			want, err := dataset.IDs(ctx, v)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := dataset.IDs(ctx, m); err != nil || !slices.Equal(got, want) {
				t.Errorf("%v at row %d: rows changed in memory (%v)", odd, at, err)
			}
		}
	}
}

// TestTextsAreIdentity tells rows apart that differ in a text alone, wherever
// one text ends.
func TestTextsAreIdentity(t *testing.T) {
	x := []float32{1, 2.5}
	seen := map[dataset.RowID]string{}
	for _, texts := range [][]string{nil, {""}, {"a"}, {"ab", ""}, {"a", "b"}, {"", "ab"}} {
		id := dataset.IDOf(x, texts...)
		if before, twice := seen[id]; twice {
			t.Errorf("%q has the id of %s", texts, before)
		}
		seen[id] = strings.Join(texts, "|")
		if texts != nil {
			b := dataset.Batch{N: 1, X: x, S: texts}
			if b.ID(0) != id {
				t.Errorf("%q: ID of the batch differs", texts)
			}
		}
	}
}

// TestUnnamedSplit offers no split where the files name none.
func TestUnnamedSplit(t *testing.T) {
	dir := t.TempDir()
	var x bytes.Buffer
	if err := dataset.WriteNPYHeader(&x, "|u1", []int{2, 3}); err != nil {
		t.Fatal(err)
	}
	x.Write([]byte{1, 2, 3, 4, 5, 6})
	if err := os.WriteFile(filepath.Join(dir, "x.npy"), x.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := dataset.Splits(dir); len(got) != 0 {
		t.Errorf("got splits %q, expected none", got)
	}
	src, err := dataset.Open(dir, dataset.Options{})
	if err != nil || src.Len() != 2 {
		t.Fatalf("got %v, %v", src, err)
	}
	src.Close()
}
