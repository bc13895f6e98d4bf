package dataset_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/dataset/datasettest"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// npyColumn is an NPY file of one byte a row.
func npyColumn(values ...byte) []byte { return npyBytes(values, len(values), 1) }

func npyTreeOf(t *testing.T, d string) string {
	put(t, d, "train/b/deep/er/2.npy", npyBytes([]byte{4, 5}, 2))
	put(t, d, "train/b/1.npy", npyBytes([]byte{2, 3}, 2))
	put(t, d, "train/a/9.npy", npyBytes([]byte{0, 1}, 2))
	put(t, d, "train/a/notes.txt", nil)
	put(t, d, "valid/c/1.npy", npyBytes([]byte{8, 9}, 2))
	return d
}

func init() {
	formatCases["npydir"] = []formatCase{
		{name: "rows and labels", make: func(t *testing.T, d string) string {
			put(t, d, "X.npy", npyFloats(3, 2))
			put(t, d, "y.npy", npyBytes([]byte{1, 0, 2}, 3))
			return d
		}, len: 3, shape: []int{2}, classes: "0 1 2", first: []float32{0, 0.25}, labels: []int32{1, 0, 2}},
		{name: "labels by the name of the file", make: func(t *testing.T, d string) string {
			put(t, d, "images.npy", npyBytes([]byte{1, 2, 3, 4}, 2, 1, 2))
			put(t, d, "mine.npy", npyBytes([]byte{1, 0}, 2))
			return d
		}, options: dataset.Options{Label: "mine.npy"}, len: 2, shape: []int{1, 2, 1}, classes: "0 1", first: []float32{1, 2}, labels: []int32{1, 0}},
		{name: "splits by name", make: func(t *testing.T, d string) string {
			put(t, d, "x_train.npy", npyFloats(2, 2))
			put(t, d, "y_train.npy", npyBytes([]byte{1, 0}, 2))
			put(t, d, "x_test.npy", npyBytes([]byte{7, 8}, 1, 2))
			put(t, d, "y_test.npy", npyBytes([]byte{1}, 1))
			return d
		}, options: dataset.Options{Split: "test"}, splits: "train test", len: 1, shape: []int{2}, classes: "0 1", first: []float32{7, 8}, labels: []int32{1}},
		{name: "splits by folder", make: func(t *testing.T, d string) string {
			put(t, d, "training/data.npy", npyFloats(2, 2))
			put(t, d, "test/data.npy", npyBytes([]byte{7, 8}, 1, 2))
			return d
		}, options: dataset.Options{Split: "test"}, splits: "train test", len: 1, shape: []int{2}, first: []float32{7, 8}, labels: []int32{-1}},
		{name: "shards", make: func(t *testing.T, d string) string {
			put(t, d, "features-0010.npy", npyColumn(5))
			put(t, d, "labels-0010.npy", npyColumn(3))
			put(t, d, "features-0002.npy", npyColumn(2, 3, 4))
			put(t, d, "labels-0002.npy", npyColumn(0, 1, 0))
			put(t, d, "features-0001.npy", npyFloats(2, 1))
			put(t, d, "labels-0001.npy", npyColumn(1, 1))
			return d
		}, len: 6, shape: []int{1}, classes: "0 1 2 3", first: []float32{0}, labels: []int32{1, 1, 0, 1, 0, 3}},
		{name: "shards by number", make: func(t *testing.T, d string) string {
			put(t, d, "images_10.npy", npyBytes([]byte{10}, 1, 1, 1))
			put(t, d, "label_10.npy", npyColumn(1))
			put(t, d, "images_9.npy", npyBytes([]byte{9}, 1, 1, 1))
			put(t, d, "label_9.npy", npyColumn(0))
			return d
		}, len: 2, shape: []int{1, 1, 1}, classes: "0 1", first: []float32{9}, labels: []int32{0, 1}},
		{name: "shards with splits, channels first", make: func(t *testing.T, d string) string {
			put(t, d, "x_train_1.npy", npyBytes([]byte{1, 2, 3, 4, 5, 6}, 1, 3, 1, 2))
			put(t, d, "x_train_2.npy", npyBytes([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2, 3, 1, 2))
			put(t, d, "x_test.npy", npyBytes([]byte{1, 2, 3, 4, 5, 6}, 1, 3, 1, 2))
			return d
		}, splits: "train test", len: 3, shape: []int{1, 2, 3}, first: []float32{1, 3, 5, 2, 4, 6}, labels: []int32{-1, -1, -1}},
		{name: "a row a file, by class", make: npyTreeOf, splits: "train val", len: 3, shape: []int{2}, classes: "a b c",
			first: []float32{0, 1}, labels: []int32{0, 1, 1}},
		{name: "images, bad ones skipped", make: func(t *testing.T, d string) string {
			put(t, d, "k/1.npy", npyBytes([]byte{1, 2, 3, 4, 5, 6}, 3, 1, 2))
			put(t, d, "k/2.npy", npyFloats(3, 1, 2))
			put(t, d, "k/3.npy", npyFloats(3, 1, 2)[:100])
			put(t, d, "k/4.npy", npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 1, 2), }", float64s(1, 2, 3, 4, 5, 1e300)))
			return d + "?skip-bad"
		}, len: 2, shape: []int{1, 2, 3}, classes: "k", first: []float32{1, 3, 5, 2, 4, 6}},
	}
}

func TestHostileNPYDir(t *testing.T) {
	rows, labels := npyFloats(2, 2), npyColumn(0, 1)
	type files map[string][]byte
	for _, c := range []struct {
		hostile
		files files
	}{
		{bad("", "unknown names", "", nil, `holds \["a\.npy" "b\.npy"\]: expected x\.npy, x_train\.npy or x-0001\.npy`), files{"a.npy": rows, "b.npy": labels}},
		{bad("", "only labels", "", nil, `holds \["y\.npy"\]: expected x\.npy`), files{"y.npy": labels}},
		{bad("", "two rows", "", nil, `either of X\.npy and data\.npy could be the rows`), files{"X.npy": rows, "data.npy": rows}},
		{bad("", "two labels", "", nil, `either of labels\.npy and y\.npy could be the labels`), files{"X.npy": rows, "labels.npy": labels, "y.npy": labels}},
		{bad("", "whole and splits", "", nil, `x\.npy beside x_test\.npy of split test`), files{"x.npy": rows, "x_test.npy": rows}},
		{bad("", "whole and shards", "", nil, `either of x\.npy and x-1\.npy could be the rows`), files{"x.npy": rows, "x-1.npy": rows}},
		{bad("", "a number twice", "", nil, `either of x-01\.npy and x-1\.npy could be`), files{"x-1.npy": rows, "x-01.npy": rows}},
		{bad("", "two separators", "", nil, `either of x-1\.npy and x_2\.npy could be`), files{"x-1.npy": rows, "x_2.npy": rows}},
		{bad("F-44", "shard without labels", "", nil, `x-2\.npy: no labels beside it: expected y-2\.npy, as there is y-1\.npy`), files{"x-1.npy": rows, "x-2.npy": rows, "y-1.npy": labels}},
		{bad("F-44", "labels without rows", "", nil, `y-3\.npy: no rows beside it: expected x-3\.npy, as there is x-1\.npy`), files{"x-1.npy": rows, "y-1.npy": labels, "y-3.npy": labels}},
		{bad("F-44", "shard with few labels", "", nil, `y-2\.npy: 1 labels for 2 rows`), files{"x-1.npy": rows, "x-2.npy": rows, "y-1.npy": labels, "y-2.npy": npyColumn(1)}},
		{bad("F-56", "shards of two shapes", "", nil, `x-2\.npy: rows of shape \[3\], but .*x-1\.npy has rows of shape \[2\]`), files{"x-1.npy": rows, "x-2.npy": npyFloats(1, 3)}},
		{bad("F-57", "shard truncated", "", nil, `x-2\.npy: 143 bytes, but shape`), files{"x-1.npy": rows, "x-2.npy": rows[:143]}},
		{bad("F-53", "objects", "", nil, `object arrays are not supported`), files{"x.npy": npy(1, "{'descr': '|O', 'fortran_order': False, 'shape': (2, 1), }", make([]byte, 16))}},
		{bad("", "arrays and folders of them", "", nil, `x\.npy beside the folder k, which holds arrays too`), files{"x.npy": rows, "k/1.npy": rows}},
		{labelled("z.npy", bad("", "no such labels", "", nil, `label: no file "z\.npy" in it`)), files{"x.npy": rows}},
		{labelled("../z.npy", bad("", "labels elsewhere", "", nil, `label: no file "\.\./z\.npy" in it`)), files{"x.npy": rows}},
		{labelled("y.npy", bad("", "one file for shards", "", nil, `label: got "y\.npy", but the rows are in 2 files`)), files{"x-1.npy": rows, "x-2.npy": rows, "y.npy": labels}},
		{bad("F-56", "rows of two shapes", "", nil, `b\.npy: row of shape \[3\], but .*a\.npy has \[2\]`), files{"k/a.npy": npyFloats(2), "k/b.npy": npyFloats(3)}},
		{bad("F-56", "rank 0", "", nil, `row of shape \[\], expected \(features\)`), files{"k/a.npy": npyFloats()}},
		{bad("F-56", "rank 4", "", nil, `row of shape \[1 1 1 3\], expected \(features\)`), files{"k/a.npy": npyFloats(1, 1, 1, 3)}},
		{bad("F-65", "NaN", "", nil, `k/a\.npy: row 0: value 1 is NaN`), files{"k/a.npy": npy(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }", []byte{0, 0, 0, 0x7e})}},
		{bad("", "row beside classes", "", nil, `holds \["a\.npy"\]|a\.npy beside the folder k`), files{"a.npy": rows, "k/a.npy": rows}},
		{bad("", "split beside a class", "", nil, `extra: a folder beside train, which is a split`), files{"train/k/a.npy": rows, "extra/a.npy": rows}},
		{hostile{"F-62", "all bad", "", nil, dataset.Options{SkipBad: true}, `all 1 NPY arrays are bad, the first: .*truncated`, fault.Input}, files{"k/a.npy": nil}},
	} {
		d := t.TempDir()
		for name, data := range c.files {
			put(t, d, name, data)
		}
		checkHostile(t, c.hostile, d)
	}
}

// TestNPYDirManyShards opens more files than are kept open.
func TestNPYDirManyShards(t *testing.T) {
	d := t.TempDir()
	const n = 300
	for i := range n {
		put(t, d, fmt.Sprintf("x-%d.npy", i), npyColumn(byte(i), byte(i+1)))
		put(t, d, fmt.Sprintf("y-%d.npy", i), npyColumn(byte(i%3), 0))
	}
	before := openFiles(t)
	src := must(dataset.Open(d, dataset.Options{}))
	if now := openFiles(t); now > before+n/2 {
		t.Errorf("%d files open, %d before", now, before)
	}
	if src.Len() != 2*n {
		t.Fatal(src.Len())
	}
	src.Close()
	datasettest.Suite(t, func() dataset.Source { return must(dataset.Open(d, dataset.Options{})) })
	if now := openFiles(t); now > before {
		t.Errorf("%d files left open, %d before", now, before)
	}
	src = must(dataset.Open(d, dataset.Options{}))
	defer src.Close()
	os.Remove(filepath.Join(d, "x-7.npy"))
	var b dataset.Batch
	if err := src.Read(t.Context(), []int{14}, &b); err == nil || !strings.Contains(err.Error(), "x-7.npy: row 0: cannot read") {
		t.Error(err)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc/self/fd")
	}
	return len(entries)
}

func FuzzNPYDir(f *testing.F) {
	f.Add("x.npy", "y.npy", npyFloats(2, 3), npyBytes([]byte{0, 1}, 2))
	f.Add("k/1.npy", "k/2.npy", npyFloats(3), npyFloats(3))
	f.Add("x-1.npy", "x_2.npy", npyFloats(1, 3), npyFloats(1, 3))
	f.Add("train/x.npy", "test/a/x.npy", npyFloats(1, 3), npyFloats(1, 3))
	f.Fuzz(func(t *testing.T, name1, name2 string, data1, data2 []byte) {
		d := t.TempDir()
		for name, data := range map[string][]byte{name1: data1, name2: data2} {
			if name = filepath.Join(d, filepath.Clean("/"+name)); os.MkdirAll(filepath.Dir(name), 0o755) == nil {
				os.WriteFile(name, data, 0o644)
			}
		}
		err := openAndRead("npydir:"+d, dataset.Options{})
		if err != nil && (fault.KindOf(err) != fault.Input || strings.Contains(err.Error(), "\n")) {
			t.Fatal(err)
		}
	})
}
