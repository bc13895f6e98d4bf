package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// TestMergeByCopying writes the odd and the even shards in two folders and
// copies one into the other.
func TestMergeByCopying(t *testing.T) {
	ids := rowsOf(30)
	dirs := []string{filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")}
	for part, dir := range dirs {
		w, err := Create(dir, testKey(), gathered(ids), 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range w.Missing() {
			if m.Index%2 == part {
				if err := w.WriteShard(m.Index, logitsOf(w.Positions(nil, m.Index))); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := w.Finish(); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("got %v, expected an incomplete store", err)
		}
	}
	for name, b := range contents(t, dirs[1]) {
		if err := os.WriteFile(filepath.Join(dirs[0], name), []byte(b), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(dirs[0])
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 30*classes)
	if err := s.Lookup(ids, got); err != nil {
		t.Fatal(err)
	}
	all := make([]int, 30)
	for i := range all {
		all[i] = i
	}
	if d := cmp.Diff(logitsOf(all), got); d != "" {
		t.Error(d)
	}
	straight, _ := newStore(t, testKey(), 30, 4)
	want := contents(t, straight)
	delete(want, "index.bin") // whoever copies leaves it to the reader
	if d := cmp.Diff(want, contents(t, dirs[0])); d != "" {
		t.Error(d)
	}
}

func TestNonFiniteIsRefused(t *testing.T) {
	ids := rowsOf(6)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		dir := filepath.Join(t.TempDir(), "s")
		w, err := Create(dir, testKey(), gathered(ids), 3)
		if err != nil {
			t.Fatal(err)
		}
		logits := logitsOf([]int{3, 4, 5})
		logits[1*classes+2] = float32(v)
		faulttest.Want(t, w.WriteShard(1, logits), fault.Input, ids[4].String(), "class 2")
		if _, err := os.Stat(filepath.Join(dir, "targets-00001.npy")); err == nil {
			t.Error("the shard was written")
		}
		w.Close()
	}
}

func TestRefusedArguments(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "s")
	k := testKey()
	_, err := Create(dir, k, gathered(nil), 4)
	faulttest.Want(t, err, fault.Input, "no rows")
	_, err = Create(dir, k, gathered(rowsOf(2)), 0)
	faulttest.Want(t, err, fault.Usage, "rows per shard")
	k.Classes = 0
	_, err = Create(dir, k, gathered(rowsOf(2)), 4)
	faulttest.Want(t, err, fault.Input, "classes")
	k = testKey()
	k.DType = "int3"
	_, err = Create(dir, k, gathered(rowsOf(2)), 4)
	faulttest.Want(t, err, fault.Usage, "dtype")
	if _, err := os.Stat(dir); err == nil {
		t.Error("a refused store left a folder")
	}
	_, err = Create(filepath.Join(dir, "deep", "er"), testKey(), gathered(rowsOf(2)), 4)
	faulttest.Want(t, err, fault.IO, "no such file")
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Create(file, testKey(), gathered(rowsOf(2)), 4)
	faulttest.Want(t, err, fault.IO, "is no folder")
	_, err = Create(parent, testKey(), gathered(rowsOf(2)), 4)
	faulttest.Want(t, err, fault.IO, "no part of a target store")
	_, err = Open(file)
	faulttest.Want(t, err, fault.Input, "is a file")
	_, err = Open(filepath.Join(parent, "nowhere"))
	faulttest.Want(t, err, fault.IO, "nowhere")
}

func TestOneWriterAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	w, err := Create(dir, testKey(), gathered(rowsOf(4)), 2)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Create(dir, testKey(), gathered(rowsOf(4)), 2)
	faulttest.Want(t, err, fault.IO, fmt.Sprint(os.Getpid()))
	w.Close()
	w, err = Create(dir, testKey(), gathered(rowsOf(4)), 2)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
}

// TestPartsSideBySide fills one folder by three writers that are open at once.
func TestPartsSideBySide(t *testing.T) {
	dir, ids := filepath.Join(t.TempDir(), "s"), rowsOf(22)
	var parts []*Writer
	for i := range 3 {
		w, err := CreatePart(dir, testKey(), gathered(ids), 4, i, 3)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, w)
	}
	_, err := CreatePart(dir, testKey(), gathered(ids), 4, 1, 3)
	faulttest.Want(t, err, fault.IO, "lock-1-of-3", "in use")
	_, err = Create(dir, testKey(), gathered(ids), 4)
	faulttest.Want(t, err, fault.IO, "in use")
	_, err = CreatePart(dir, testKey(), gathered(ids), 4, 3, 3)
	faulttest.Want(t, err, fault.Usage, "got 3 of 3")
	mine, others := filepath.Join(dir, "ids-00004.npy.kdonnx-tmp-1"), filepath.Join(dir, "ids-00003.npy.kdonnx-tmp-1")
	for _, p := range []string{mine, others} {
		if err := os.WriteFile(p, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	parts[1].Close()
	if parts[1], err = CreatePart(dir, testKey(), gathered(ids), 4, 1, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); err == nil {
		t.Error("the part's own stray is still there")
	}
	if err := os.Remove(others); err != nil {
		t.Error("the stray of another part was removed")
	}
	written := 0
	for i, w := range parts {
		for _, m := range w.Missing() {
			if m.Index%3 != i {
				t.Errorf("shard %d in part %d", m.Index, i)
			}
			written++
		}
		fill(t, w)
		if s, err := w.Finish(); i < 2 && !errors.Is(err, fs.ErrNotExist) || i == 2 && err != nil {
			t.Fatalf("part %d: got %v, %v", i, s, err)
		}
	}
	if written != 6 {
		t.Errorf("%d shards were written, expected 6", written)
	}
	straight, _ := newStore(t, testKey(), 22, 4)
	got := contents(t, dir)
	for i := range 3 {
		delete(got, fmt.Sprintf("lock-%d-of-3", i))
	}
	if d := cmp.Diff(contents(t, straight), got); d != "" {
		t.Error(d)
	}
}

// TestStraysAreCleaned requires that temporaries go and nothing else does.
func TestStraysAreCleaned(t *testing.T) {
	dir, ids := newStore(t, testKey(), 4, 2)
	stray, mine := filepath.Join(dir, "targets-00000.npy.kdonnx-tmp-123"), filepath.Join(dir, "notes.txt")
	for _, p := range []string{stray, mine} {
		if err := os.WriteFile(p, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w, err := Create(dir, testKey(), gathered(ids), 2)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := os.Stat(stray); err == nil {
		t.Error("the stray is still there")
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error("another's file was removed")
	}
}
