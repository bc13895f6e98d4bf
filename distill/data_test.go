package distill

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// TestNoSplitStandsIn holds that rows that a folder does not have are refused
// and not replaced by its training rows.
func TestNoSplitStandsIn(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	if err := writeIDX(dir, "train", 12); err != nil {
		t.Fatal(err)
	}
	if err := writeIDX(dir, "t10k", 6); err != nil {
		t.Fatal(err)
	}
	for split, rows := range map[string]int{"train": 12, "test": 6} {
		src, err := OpenRows(ctx, dir, split, false, dataset.Options{}, RowLimit{})
		if err != nil || src.Len() != rows {
			t.Errorf("%s: %v, expected %d rows", split, err, rows)
		}
	}
	_, err := OpenRows(ctx, dir, "val", false, dataset.Options{}, RowLimit{})
	faulttest.Want(t, err, fault.Input, dir, "has no val rows, only train, test")
	_, err = OpenRows(ctx, dir, "test", false, dataset.Options{}, RowLimit{Rows: -1})
	faulttest.Want(t, err, fault.Usage, "--limit", "-1")
}

// TestRowLimit takes the rows that a run with that limit and seed learns from,
// in their order, or the first ones.
func TestRowLimit(t *testing.T) {
	ctx := context.Background()
	csv := filepath.Join(t.TempDir(), "rows.csv")
	var rows bytes.Buffer
	for i := range 100 { // sorted by class, as folders are
		fmt.Fprintf(&rows, "%d,%d,%s\n", i, i*i, []string{"a", "b", "b", "b"}[i/25])
	}
	if err := os.WriteFile(csv, rows.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	read := func(limit RowLimit) (first []float32, labels []int32) {
		src, err := OpenRows(ctx, csv, "train", false, dataset.Options{}, limit)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		err = dataset.Batches(ctx, src, nil, 7, func(_ []int, b *dataset.Batch) error {
			for i := range b.N {
				first = append(first, b.X[2*i])
			}
			labels = append(labels, b.Y...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return first, labels
	}
	if x, _ := read(RowLimit{Rows: 3, First: true, Seed: 9}); !slices.Equal(x, []float32{0, 1, 2}) {
		t.Errorf("the first rows are %v", x)
	}
	x, y := read(RowLimit{Rows: 20, Seed: 1})
	if ones := len(y) - 15; len(y) != 20 || !slices.IsSorted(x) || y[ones-1] != 0 || y[ones] != 1 {
		t.Errorf("rows %v of classes %v, expected 5 and 15 in order", x, y)
	}
	if other, _ := read(RowLimit{Rows: 20, Seed: 2}); slices.Equal(x, other) {
		t.Error("two seeds take the same rows")
	}
	r := Default()
	r.Data.Train, r.Data.Limit, r.Train.Seed, r.Data.ValSplit = csv, 20, 1, 0
	d, err := OpenData(ctx, &r)
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range []dataset.Source{d.Transfer, d.Test} { // what a run learns from and is judged on
		var b dataset.Batch
		if err := src.Read(ctx, dataset.Order(src.Len(), 1, 0), &b); err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			if !slices.Contains(x, b.X[2*i]) {
				t.Errorf("a run takes row %v, OpenRows takes %v", b.X[2*i], x)
			}
		}
	}
}

// writeIDX writes n 2×2 images and their labels.
func writeIDX(dir, split string, n int) error {
	images := append([]byte{0, 0, 8, 3, 0, 0, 0, byte(n), 0, 0, 0, 2, 0, 0, 0, 2}, bytes.Repeat([]byte{1, 2, 3, 4}, n)...)
	labels := append([]byte{0, 0, 8, 1, 0, 0, 0, byte(n)}, bytes.Repeat([]byte{0, 1}, n/2)...)
	if err := os.WriteFile(filepath.Join(dir, split+"-images-idx3-ubyte"), images, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, split+"-labels-idx1-ubyte"), labels, 0o644)
}

func TestRowsSeenTwice(t *testing.T) {
	r := stored(t)
	r.Data.Test = r.Data.Train
	d, err := OpenData(context.Background(), &r)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d of %d test rows are among the rows that are learned from: the result flatters", d.Transfer.Len(), trainRows)
	if len(d.Notes) == 0 || d.Notes[len(d.Notes)-1] != want {
		t.Errorf("notes %q, expected %q", d.Notes, want)
	}
}

func TestNothingToLearn(t *testing.T) {
	r := stored(t)
	r.Data.Train = rewrite(t, func(int, int32) int32 { return dataset.Unlabelled })
	r.Loss.Alpha = 0
	_, err := Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "nothing would be learned")
}

func TestWarmupLongerThanTheRun(t *testing.T) {
	r := stored(t)
	r.Train.Warmup = 1 << 20
	_, err := Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "--warmup", "1048576")
	r.Train.Warmup, r.Output.Model = 0, ""
	_, err = Run(context.Background(), r, newRecord().Env)
	faulttest.Want(t, err, fault.Usage, "-o", "empty")
}

// TestCut holds that the batches of a pass cover each row once, are never
// larger than asked, and never a single row where that can be helped.
func TestCut(t *testing.T) {
	for n := 1; n < 60; n++ {
		for batch := 1; batch < 20; batch++ {
			at := 0
			for i := range ceilDiv(n, batch) {
				lo, hi := cut(n, batch, i)
				if lo != at || hi <= lo || hi-lo > batch {
					t.Fatalf("%d rows by %d: batch %d is %d to %d after %d", n, batch, i, lo, hi, at)
				}
				if hi-lo == 1 && n > 1 && batch > 2 {
					t.Fatalf("%d rows by %d: batch %d is one row", n, batch, i)
				}
				at = hi
			}
			if at != n {
				t.Fatalf("%d rows by %d: %d were cut", n, batch, at)
			}
		}
	}
}

// TestSameRunSeesBothSides compares what only one of two runs depends on, too.
func TestSameRunSeesBothSides(t *testing.T) {
	mine := map[string]string{"lr": "0.1", "seed": "1"}
	more := maps.Clone(mine)
	more["validation rows"] = "abc"
	if err := sameRun("x.ckpt", mine, mine); err != nil {
		t.Error(err)
	}
	faulttest.Want(t, sameRun("x.ckpt", mine, more), fault.Integrity, "validation rows")
	faulttest.Want(t, sameRun("x.ckpt", more, mine), fault.Integrity, "validation rows")
}

// TestSplitsAreApart: of the rows that are learned from, that choose the epoch
// and that judge none is two of these, and none gets lost.
func TestSplitsAreApart(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*DataRecipe)
		held    *HeldOut
		all     int
		learned int
	}{
		{"named test rows", func(*DataRecipe) {}, nil, trainRows + testRows, 378},
		{"no test rows", func(d *DataRecipe) { d.Test = "" }, nil, trainRows, 302},
		{"held-out rows", func(*DataRecipe) {}, &HeldOut{}, trainRows, 321},
		{"a share of them", func(*DataRecipe) {}, &HeldOut{Share: 0.3}, trainRows, 265},
		{"held-out rows, no test rows", func(d *DataRecipe) { d.Test = "" }, &HeldOut{}, trainRows * 8 / 10, 257},
		{"half of the validation rows", func(d *DataRecipe) { d.Test, d.Val = "unopened.csv", d.Test }, &HeldOut{}, trainRows + testRows, trainRows},
	} {
		r := small(t)
		c.change(&r.Data)
		d, err := openData(t.Context(), &r, c.held)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		is := map[dataset.RowID]string{}
		for what, src := range map[string]dataset.Source{"learned from": d.Transfer, "validated on": d.Val, "judged on": d.Test} {
			ids, err := dataset.IDs(t.Context(), src)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				if is[id] != "" {
					t.Fatalf("%s: a row is %s and %s", c.name, is[id], what)
				}
				is[id] = what
			}
		}
		if n := d.Transfer.Len(); len(is) != c.all || n < c.learned-2 || n > c.learned+2 {
			t.Errorf("%s: %d rows, of which %d are learned from, expected %d and about %d", c.name, len(is), n, c.all, c.learned)
		}
	}
}

// TestUnlabelledRowsLoseLabels: rows that are named as unlabelled teach no labels,
// whatever their file has.
func TestUnlabelledRowsLoseLabels(t *testing.T) {
	r := small(t)
	r.Data.Unlabelled, r.Data.ValSplit = file("test.csv"), 0
	d, err := OpenData(t.Context(), &r)
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, d.Transfer); d.Transfer.Len() != trainRows+testRows || n[classes] != testRows {
		t.Errorf("of %d rows %d have no label, expected %d of %d", d.Transfer.Len(), n[classes], testRows, trainRows+testRows)
	}
}
