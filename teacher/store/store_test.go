package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

const classes = 3

// rowsOf gives n distinct ids.
func rowsOf(n int) []dataset.RowID {
	ids := make([]dataset.RowID, n)
	for i := range ids {
		ids[i] = dataset.IDOf([]float32{float32(i), 1})
	}
	return ids
}

// gathered are the rows of a source with the ids.
func gathered(ids []dataset.RowID) *Rows {
	r, err := Gather("", func(add func([]dataset.RowID) error) error { return add(ids) })
	if err != nil {
		panic(err)
	}
	return r
}

// logitsOf is the target of position i: what a teacher would say.
func logitsOf(positions []int) []float32 {
	out := make([]float32, 0, len(positions)*classes)
	for _, p := range positions {
		for c := range classes {
			out = append(out, float32(p)*10+float32(c)-0.5)
		}
	}
	return out
}

func testKey() Key {
	return Key{
		Teacher: "aa", Preprocess: dataset.Preprocess{Layout: dataset.NCHW, Scale: 1.0 / 255},
		Input: "x", InputShape: []int64{-1, 1, 2}, Output: "y", Kind: "logits", Classes: classes,
		ClassNames: []string{"a", "b", "<c>"}, Batch: 128, Library: "bb", LibraryVersion: "1.2.3", Provider: "cpu",
	}
}

// fill writes every missing shard.
func fill(t testing.TB, w *Writer) {
	t.Helper()
	for _, m := range w.Missing() {
		if err := w.WriteShard(m.Index, logitsOf(w.Positions(nil, m.Index))); err != nil {
			t.Fatal(err)
		}
	}
}

// newStore writes a complete store of n rows into a new folder.
func newStore(t testing.TB, k Key, n, shardRows int) (dir string, ids []dataset.RowID) {
	t.Helper()
	dir, ids = filepath.Join(t.TempDir(), "store"), rowsOf(n)
	w, err := Create(dir, k, gathered(ids), shardRows)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, w)
	s, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, ids
}

// contents is every file of the folder but the lock, whose text is a process number.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		if e.Name() == "lock" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	for _, onDisk := range []bool{false, true} {
		t.Run(fmt.Sprintf("on disk=%v", onDisk), func(t *testing.T) {
			if onDisk {
				defer func(old int64) { inMemory = old }(inMemory)
				inMemory = 0
			}
			dir, ids := newStore(t, testKey(), 23, 5)
			s, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Len() != 23 || s.Classes() != classes {
				t.Fatalf("got %d rows of %d", s.Len(), s.Classes())
			}
			want := testKey()
			want.Dataset, want.DType = gathered(ids).Digest(), Float32
			if d := cmp.Diff(want, s.Key()); d != "" {
				t.Error(d)
			}
			asked, order := []dataset.RowID{ids[22], ids[0], ids[7], ids[7]}, []int{22, 0, 7, 7}
			got := make([]float32, len(asked)*classes)
			if err := s.Lookup(asked, got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(logitsOf(order), got); d != "" {
				t.Error(d)
			}
			if n := testing.AllocsPerRun(100, func() {
				if err := s.Lookup(asked, got); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("Lookup allocates %v times", n)
			}
			stranger := dataset.IDOf([]float32{-1})
			faulttest.Want(t, s.Lookup([]dataset.RowID{ids[1], stranger}, got[:2*classes]), fault.Integrity, stranger.String())
			if n, err := s.FirstMissing([]dataset.RowID{ids[3], ids[4], stranger}); n != 2 || err != nil {
				t.Errorf("FirstMissing gives %d, %v", n, err)
			}
			if n, err := s.FirstMissing(ids); n != -1 || err != nil {
				t.Errorf("FirstMissing gives %d, %v", n, err)
			}
		})
	}
}

func TestDuplicatesAreStoredOnce(t *testing.T) {
	base := rowsOf(4)
	ids := []dataset.RowID{base[0], base[1], base[0], base[2], base[2], base[3], base[1]}
	dir := filepath.Join(t.TempDir(), "s")
	w, err := Create(dir, testKey(), gathered(ids), 3)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]ShardRange{{0, 3}, {1, 1}}, w.Missing()); d != "" {
		t.Fatal(d)
	}
	for i, want := range [][]int{{0, 1, 3}, {5}} {
		if d := cmp.Diff(want, w.Positions(nil, i)); d != "" {
			t.Fatal(d)
		}
	}
	fill(t, w)
	s, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 4 {
		t.Errorf("got %d rows, expected 4", s.Len())
	}
	got := make([]float32, 2*classes)
	if err := s.Lookup([]dataset.RowID{base[3], base[2]}, got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(logitsOf([]int{5, 3}), got); d != "" {
		t.Error(d)
	}
	if gathered(ids).Digest() != gathered(base).Digest() {
		t.Error("the digest of ids counts repetitions")
	}
}

// TestNumPyHeader pins the header: magic, version 1.0, length, the dictionary,
// spaces to a multiple of 64 bytes and a newline.
func TestNumPyHeader(t *testing.T) {
	want := "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 10), }" + strings.Repeat(" ", 53) + "\n"
	if d := cmp.Diff(want, string(targetsHeader(60000, dense{elements[Float32], 10}))); d != "" {
		t.Error(d)
	}
	for rows := 1; rows <= maxRows; rows *= 7 { // columns count on it
		if n, m := len(idsHeader(rows)), len(targetsHeader(rows, dense{elements[Float32], maxClasses})); n != 128 || m != 128 {
			t.Errorf("headers of %d rows are %d and %d bytes", rows, n, m)
		}
	}
}

func TestNumPyOpens(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import numpy").Run() != nil {
		t.Skip("python3 with numpy is not installed")
	}
	dir, ids := newStore(t, testKey(), 7, 4)
	out, err := exec.Command(python, "-c", `
import numpy, sys
y = numpy.load(sys.argv[1] + "/targets-00001.npy", allow_pickle=False)
i = numpy.load(sys.argv[1] + "/ids-00001.npy", allow_pickle=False)
print(y.dtype, y.shape, y[2].tolist(), i.dtype, i.shape, bytes(i[2]).hex())`, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := fmt.Sprintf("float32 (3, 3) [59.5, 60.5, 61.5] uint8 (3, 16) %v\n", ids[6])
	if d := cmp.Diff(want, string(out)); d != "" {
		t.Error(d)
	}
}

func TestResumeKeepsCompleteShards(t *testing.T) {
	dir, ids := newStore(t, testKey(), 20, 4)
	whole := contents(t, dir)
	for _, gone := range []string{"targets-00001.json", "targets-00002.npy", "ids-00003.npy"} {
		if err := os.Remove(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, expected an incomplete store", err)
	}
	w, err := Create(dir, testKey(), gathered(ids), 7) // the store keeps its own 4 rows a shard
	if err != nil {
		t.Fatal(err)
	}
	var missing []int
	for _, m := range w.Missing() {
		missing = append(missing, m.Index)
	}
	if d := cmp.Diff([]int{1, 2, 3}, missing); d != "" {
		t.Fatal(d)
	}
	faulttest.Want(t, w.WriteShard(0, logitsOf([]int{0, 1, 2, 3})), fault.Usage, "shard 0 is not missing")
	fill(t, w)
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(whole, contents(t, dir)); d != "" {
		t.Error(d)
	}
}

func TestKeyMismatchNamesTheField(t *testing.T) {
	dir, ids := newStore(t, testKey(), 8, 4)
	changes := map[string]func(*Key){
		"teacher":         func(k *Key) { k.Teacher = "ab" },
		"preprocess":      func(k *Key) { k.Preprocess.Mean = []float32{.5} },
		"input":           func(k *Key) { k.Input = "z" },
		"input_shape":     func(k *Key) { k.InputShape = []int64{1, 1, 2} },
		"output":          func(k *Key) { k.Output = "z" },
		"task":            func(k *Key) { k.Task = "regression" },
		"kind":            func(k *Key) { k.Kind = "probabilities" },
		"shape":           func(k *Key) { k.Shape = []int64{1, 3} },
		"columns":         func(k *Key) { k.Columns = []int{2, 1, 0} },
		"classes":         func(k *Key) { k.Classes = 4 },
		"class_names":     func(k *Key) { k.ClassNames = nil },
		"batch":           func(k *Key) { k.Batch = 1 },
		"library":         func(k *Key) { k.Library = "bc" },
		"library_version": func(k *Key) { k.LibraryVersion = "1.2.4" },
		"provider":        func(k *Key) { k.Provider = "cuda" },
		"options":         func(k *Key) { k.Options = []string{"a=b"} },
		"dtype":           func(k *Key) { k.DType = Float16 },
		"dataset":         func(k *Key) { k.Dataset = "cc" },
	}
	for i := range reflect.TypeFor[Key]().NumField() {
		field, _, _ := strings.Cut(reflect.TypeFor[Key]().Field(i).Tag.Get("json"), ",")
		if changes[field] == nil {
			t.Errorf("no row changes the field %q", field)
		}
	}
	for field, change := range changes {
		k := testKey()
		change(&k)
		_, err := Create(dir, k, gathered(ids), 4)
		faulttest.Want(t, err, fault.Integrity, ": "+field+": ")
		if k.Hash() == testKey().Hash() {
			t.Errorf("%s is not part of the hash", field)
		}
	}
	_, err := Create(dir, testKey(), gathered(ids[1:]), 4)
	faulttest.Want(t, err, fault.Integrity, ": dataset: ")
	k := testKey()
	k.Dataset = gathered(ids).Digest()
	_, err = Create(dir, k, gathered(ids[1:]), 4)
	faulttest.Want(t, err, fault.Integrity, ": dataset: ")
}

func TestCanonicalIsStable(t *testing.T) {
	if !bytes.Equal(canonical(testKey()), canonical(testKey())) {
		t.Fatal("two texts for one key")
	}
	const want = "7a02"
	if got := testKey().Hash(); got[:4] != want {
		t.Errorf("the hash of a fixed key is %s…, expected %s…: stores made before are no longer found", got[:4], want)
	}
}
