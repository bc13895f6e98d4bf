package store

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// partOf writes the shards that take accepts of a store of rows first to last-1.
func partOf(t testing.TB, k Key, first, last, shardRows int, take func(i int) bool) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	w, err := Create(dir, k, gathered(rowsOf(last)[first:]), shardRows)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range w.Missing() {
		if take(m.Index) {
			rows := w.Positions(nil, m.Index)
			for i := range rows {
				rows[i] += first
			}
			if err := w.WriteShard(m.Index, logitsOf(rows)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s, err := w.Finish(); err == nil {
		s.Close()
	}
	return dir
}

func whole(int) bool { return true }

func merged(t testing.TB, want string, from ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "merged")
	s, err := Merge(context.Background(), dir, from, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if d := cmp.Diff(contents(t, want), contents(t, dir)); d != "" {
		t.Fatal(d)
	}
	return dir
}

func TestMergeParts(t *testing.T) {
	straight, _ := newStore(t, testKey(), 30, 4)
	even := partOf(t, testKey(), 0, 30, 4, func(i int) bool { return i%2 == 0 })
	odd := partOf(t, testKey(), 0, 30, 4, func(i int) bool { return i%2 == 1 })
	merged(t, straight, even, odd)
	merged(t, straight, odd, even, straight)

	// one folder lacks a shard, another has it damaged, a third has it whole
	path := filepath.Join(odd, "targets-00003.npy")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	merged(t, straight, even, odd, straight)
	dir := filepath.Join(t.TempDir(), "s")
	_, err = Merge(context.Background(), dir, []string{even, odd}, nil)
	faulttest.Want(t, err, fault.Integrity, "targets-00003.npy", "digest mismatch")
	_, err = Merge(context.Background(), dir, []string{even}, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, expected an incomplete store", err)
	}
	s, err := Merge(context.Background(), dir, []string{straight}, nil) // goes on with what is there
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if d := cmp.Diff(contents(t, straight), contents(t, dir)); d != "" {
		t.Error(d)
	}
}

// TestMergeRows joins stores of rows that overlap.
func TestMergeRows(t *testing.T) {
	for _, tight := range []bool{false, true} {
		if tight {
			small(t)
		}
		for _, dtype := range []string{Float32, "topk:1"} {
			k := testKey()
			k.DType = dtype
			straight, ids := newStore(t, k, 50, 10)
			dir := merged(t, straight, partOf(t, k, 0, 20, 10, whole), partOf(t, k, 10, 33, 7, whole), partOf(t, k, 5, 50, 10, whole))
			s, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if s.Len() != 50 || s.Key().Dataset != gathered(ids).Digest() {
				t.Error(s.Len(), s.Key().Dataset)
			}
			s.Close()
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	ctx := context.Background()
	a := partOf(t, testKey(), 0, 10, 4, whole)
	other := testKey()
	other.Provider = "cuda"
	half := testKey()
	half.DType = Float16
	out := filepath.Join(t.TempDir(), "out")
	for what, c := range map[string]struct {
		from  []string
		kind  fault.Kind
		words []string
	}{
		"nothing":             {nil, fault.Usage, []string{"no stores"}},
		"no store":            {[]string{a, t.TempDir()}, fault.Integrity, []string{"is no target store"}},
		"another provider":    {[]string{a, partOf(t, other, 10, 20, 4, whole)}, fault.Integrity, []string{"provider", "cuda", "cpu"}},
		"another dtype":       {[]string{a, partOf(t, half, 10, 20, 4, whole)}, fault.Integrity, []string{"dtype", "float16", "float32"}},
		"incomplete of other": {[]string{a, partOf(t, testKey(), 5, 20, 4, func(i int) bool { return i != 2 })}, fault.Integrity, []string{"incomplete", "shard 2"}},
	} {
		_, err := Merge(ctx, out, c.from, nil)
		if err == nil {
			t.Errorf("%s: merged", what)
			continue
		}
		faulttest.Want(t, err, c.kind, c.words...)
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s left a folder", what)
		}
	}
	_, err := Merge(ctx, a, []string{partOf(t, testKey(), 3, 9, 4, whole)}, nil)
	faulttest.Want(t, err, fault.Integrity, "dataset")
}

func TestVerifyNamesAll(t *testing.T) {
	dir, _ := newStore(t, testKey(), 30, 4)
	if err := Verify(dir, func(err error) { t.Error(err) }); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"targets-00001.npy", "ids-00004.npy", "index.bin"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-1] ^= 8
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"targets-00002.json", "targets-00006.json"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var got []error
	if err := Verify(dir, func(err error) { got = append(got, err) }); err != nil {
		t.Fatal(err)
	}
	words := []string{"targets-00001.npy", "shard 2 of 8 is missing", "ids-00004.npy", "shard 6 of 8 is missing", "index.bin"}
	if len(got) != len(words) {
		t.Fatalf("got %v", got)
	}
	for i, w := range words {
		faulttest.Want(t, got[i], fault.Integrity, w)
	}
	s, err := Describe(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int{2, 6}, s.Missing); d != "" || s.Rows != 30 || s.Shards != 8 || s.Bytes < 30*28 {
		t.Errorf("%s %+v", d, s)
	}
}

// TestOldFormat gives the format as the reason, whatever else differs.
func TestOldFormat(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(planPath(dir), []byte(`{"format": 1, "key": {"older": true}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir)
	faulttest.Want(t, err, fault.Integrity, "format: got 1, expected 2", "another version")
	_, err = Create(dir, testKey(), gathered(rowsOf(3)), 2)
	faulttest.Want(t, err, fault.Integrity, "format: got 1, expected 2")
}

// rowsSource is a Source of the rows that rowsOf names, some of them twice.
type rowsSource []int

func (r rowsSource) Spec() dataset.Spec { return dataset.Spec{Shape: []int{2}} }
func (r rowsSource) Len() int           { return len(r) }
func (r rowsSource) Close() error       { return nil }
func (r rowsSource) Read(_ context.Context, rows []int, b *dataset.Batch) error {
	b.Reset(len(rows), 2)
	for i, p := range rows {
		b.X[2*i], b.X[2*i+1], b.Y[i] = float32(r[p]), 1, int32(r[p]%3)
	}
	return nil
}

// TestExport reads what was written as a source of the data package.
func TestExport(t *testing.T) {
	ctx := context.Background()
	dir, _ := newStore(t, testKey(), 30, 4)
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := t.TempDir()
	src := rowsSource{7, 3, 3, 29, 0}
	read := func(path string, n int) []float32 {
		t.Helper()
		x, err := dataset.Open(path, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		var b dataset.Batch
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		if err := x.Read(ctx, order, &b); err != nil || x.Len() != n {
			t.Fatal(x.Len(), err)
		}
		return b.X
	}
	for _, name := range []string{"x.npy", "folder", "x.npz"} {
		if err := s.Export(ctx, src, filepath.Join(out, name)); err != nil {
			t.Fatal(err)
		}
	}
	want := logitsOf(src)
	if d := cmp.Diff(want, read(filepath.Join(out, "x.npy"), 5)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want, read(filepath.Join(out, "folder", "logits.npy"), 5)); d != "" {
		t.Error(d)
	}
	z, err := zip.OpenReader(filepath.Join(out, "x.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		inZip, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := os.ReadFile(filepath.Join(out, "folder", f.Name))
		if err != nil {
			t.Fatal(err)
		}
		if string(inZip) != string(alone) {
			t.Errorf("%s differs", f.Name)
		}
	}
	if d := cmp.Diff([]string{"logits.npy", "ids.npy", "labels.npy"}, names); d != "" {
		t.Error(d)
	}
	if err := s.Export(ctx, nil, filepath.Join(out, "all.npy")); err != nil {
		t.Fatal(err)
	}
	all := make([]int, 30)
	for i := range all {
		all[i] = i
	}
	if d := cmp.Diff(logitsOf(all), read(filepath.Join(out, "all.npy"), 30)); d != "" {
		t.Error(d)
	}
	err = s.Export(ctx, rowsSource{1, 99}, filepath.Join(out, "no.npy"))
	faulttest.Want(t, err, fault.Integrity, "is not in the target store")
	if _, err := os.Stat(filepath.Join(out, "no.npy")); err == nil {
		t.Error("a failed export left a file")
	}
}

func TestRemove(t *testing.T) {
	dir, ids := newStore(t, testKey(), 10, 4)
	w, err := Create(dir, testKey(), gathered(ids), 4)
	if err != nil {
		t.Fatal(err)
	}
	faulttest.Want(t, Remove(dir), fault.IO, "in use")
	w.Close()
	mine := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 || left[0].Name() != "notes.txt" {
		t.Errorf("left %v", left)
	}
	faulttest.Want(t, Remove(dir), fault.Input, "no target store")
	dir, _ = newStore(t, testKey(), 10, 4)
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the empty folder stays")
	}
}
