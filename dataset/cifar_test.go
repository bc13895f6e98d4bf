package dataset_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

const cifarNames = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"

func one(labels ...byte) [][]byte {
	var all [][]byte
	for _, l := range labels {
		all = append(all, []byte{l})
	}
	return all
}

func cifar10Folder(t *testing.T, d string) string {
	put(t, d, "batches.meta.txt", []byte(cifarNames))
	put(t, d, "readme.html", nil)
	put(t, d, "data_batch_10.bin", cifarRecords(one(9)...))
	put(t, d, "data_batch_1.bin", cifarRecords(one(3, 0)...))
	put(t, d, "data_batch_2.bin", cifarRecords(one(1)...))
	put(t, d, "test_batch.bin", cifarRecords(one(2, 5)...))
	return d
}

func cifar100Folder(t *testing.T, d string) string {
	var fine, coarse strings.Builder
	for i := range 100 {
		fmt.Fprintf(&fine, "fine%d\n", i)
	}
	for i := range 20 {
		fmt.Fprintf(&coarse, "coarse%d\n", i)
	}
	put(t, d, "fine_label_names.txt", []byte(fine.String()))
	put(t, d, "coarse_label_names.txt", []byte(coarse.String()))
	put(t, d, "train.bin", cifarRecords([]byte{19, 99}, []byte{0, 7}))
	put(t, d, "test.bin", cifarRecords([]byte{4, 0}))
	return d
}

func numbered(prefix string, n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(prefix, i)
	}
	return strings.Join(names, " ")
}

func init() {
	names := strings.TrimSpace(strings.ReplaceAll(cifarNames, "\n", " "))
	shape := []int{32, 32, 3}
	formatCases["cifar"] = []formatCase{
		{name: "CIFAR-10", make: cifar10Folder, splits: "train test", len: 4, shape: shape, classes: names,
			first: []float32{0, 50, 100, 1, 51, 101}, labels: []int32{3, 0, 1, 9}},
		{name: "CIFAR-10 test", make: cifar10Folder, options: dataset.Options{Split: "test", Label: "label"}, splits: "train test", len: 2, shape: shape,
			classes: names, labels: []int32{2, 5}},
		{name: "CIFAR-100", make: cifar100Folder, splits: "train test", len: 2, shape: shape, classes: numbered("fine", 100),
			first: []float32{0, 50, 100}, labels: []int32{99, 7}},
		{name: "coarse, by the argument", make: func(t *testing.T, d string) string { return cifar100Folder(t, d) + "?label=coarse&split=train" },
			len: 2, shape: shape, classes: numbered("coarse", 20), labels: []int32{19, 0}},
		{name: "one file", make: func(t *testing.T, d string) string {
			return put(t, d, "some.bin", cifarRecords(one(4, 4, 8)...))
		}, len: 3, shape: shape, classes: numbered("", 10), labels: []int32{4, 4, 8}},
		{name: "no labels wanted", make: func(t *testing.T, d string) string { return filepath.Join(cifar100Folder(t, d), "test.bin") },
			options: dataset.Options{Label: "none"}, len: 1, shape: shape, labels: []int32{-1}},
	}
}

func TestHostileCIFAR(t *testing.T) {
	good := cifarRecords(one(1, 2, 3)...)
	explicit := func(c hostile, name string) {
		checkHostile(t, c, "cifar:"+put(t, t.TempDir(), name, c.data))
	}
	explicit(bad("F-64", "one byte short", "", good[:len(good)-1], `data_batch_1\.bin: file of 9218 bytes, expected a multiple of 3073`), "data_batch_1.bin")
	explicit(bad("F-64", "empty", "", nil, `file of 0 bytes, expected a multiple of 3073`), "test_batch.bin")
	explicit(bad("F-64", "neither kind", "", good[:5000], `file of 5000 bytes, expected a multiple of 3073 \(CIFAR-10\) or 3074`), "x.bin")
	explicit(bad("F-44", "label outside", "", cifarRecords(one(1, 10)...), `record 1: label 10, expected from 0 to 9`), "x.bin")
	explicit(bad("F-44", "fine label outside", "", cifarRecords([]byte{1, 1}, []byte{1, 100}), `record 1: label 100, expected from 0 to 99`), "x.bin")
	explicit(bad("F-64", "not a .bin", "", good, `expected a file of CIFAR records`), "x.csv")
	explicit(hostile{"", "no such label", "", good, dataset.Options{Label: "fine"}, `label: got "fine", expected label or none for CIFAR-10`, fault.Usage}, "data_batch_1.bin")
	explicit(bad("F-64", "two kinds fit", "", make([]byte, 3073*3074), `are records of CIFAR-10 or of CIFAR-100: expected label fine or coarse`), "x.bin")
	for _, c := range []struct {
		hostile
		make func(d string)
	}{
		{bad("F-64", "names missing", "", nil, `batches\.meta\.txt: 2 names, expected 10`), func(d string) { put(t, d, "batches.meta.txt", []byte("a\nb\n")) }},
		{bad("F-64", "name twice", "", nil, `line 2: class "a" named twice`), func(d string) { put(t, d, "batches.meta.txt", []byte("a\na\n")) }},
		{bad("F-64", "long names", "", nil, `file of 70000 bytes, limit 65536`), func(d string) { put(t, d, "batches.meta.txt", bytes.Repeat([]byte("a"), 70_000)) }},
		{bad("", "two sets", "", nil, `holds data_batch_1\.bin of CIFAR-10 and train\.bin of CIFAR-100`), func(d string) { put(t, d, "train.bin", good) }},
		{hostile{"F-44", "fewer classes than labels", "", nil, dataset.Options{Classes: []string{"a", "b"}}, `record 0: label 3, expected from 0 to 1`, fault.Input}, func(string) {}},
		{hostile{"", "no such split", "", nil, dataset.Options{Split: "val"}, `no split "val": expected train or test`, fault.Input}, func(string) {}},
		{bad("F-67", "a folder of that name", "", nil, `batches\.meta\.txt|file of 1 bytes`), func(d string) {
			os.Remove(d + "/data_batch_2.bin")
			put(t, d, "data_batch_2.bin/x", nil)
			put(t, d, "data_batch_3.bin", []byte{1})
		}},
	} {
		d := cifar10Folder(t, t.TempDir())
		c.make(d)
		checkHostile(t, c.hostile, "cifar:"+d)
	}
	// What only shares a name is not taken for CIFAR.
	d := t.TempDir()
	checkHostile(t, bad("", "tokens", "", nil, `format not recognised`), filepath.Dir(put(t, d, "train.bin", []byte("tokens"))))
}

// TestCIFARBatches are numbered by value, and a gap is told.
func TestCIFARBatches(t *testing.T) {
	src := must(dataset.Open(cifar10Folder(t, t.TempDir()), dataset.Options{}))
	defer src.Close()
	var b dataset.Batch // row 1 of the first file, then row 0 of the second
	if err := src.Read(t.Context(), []int{1, 2}, &b); err != nil {
		t.Fatal(err)
	}
	if got := append(b.X[:3:3], b.X[2*3072-3:]...); !slices.Equal(got, []float32{7, 57, 107, 255, 49, 99}) {
		t.Errorf("rows of two files begin and end %v", got)
	}
	if notes := strings.Join(src.Spec().Notes, "; "); notes != "records of CIFAR-10; only 3 of the 10 files up to data_batch_10.bin are there" {
		t.Error(notes)
	}
}

func FuzzCIFAR(f *testing.F) {
	f.Add("data_batch_1.bin", cifarRecords(one(1)...), []byte(cifarNames))
	f.Add("x.bin", cifarRecords([]byte{1, 50}), []byte(""))
	f.Fuzz(func(t *testing.T, name string, data, names []byte) {
		if name != "data_batch_1.bin" {
			name = "x.bin"
		}
		d := t.TempDir()
		put(t, d, "batches.meta.txt", names)
		err := openAndRead("cifar:"+put(t, d, name, data), dataset.Options{})
		if err != nil && (fault.KindOf(err) != fault.Input || strings.Contains(err.Error(), "\n")) {
			t.Fatal(err)
		}
	})
}
