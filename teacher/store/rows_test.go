package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// small makes everything spill: ids to a file after some bytes, records sorted
// a few at a time, few files open, nothing in memory.
func small(t *testing.T) {
	a, b, c, d := spillAfter, runRows, maxOpen, inMemory
	t.Cleanup(func() { spillAfter, runRows, maxOpen, inMemory = a, b, c, d })
	spillAfter, runRows, maxOpen, inMemory = 100, 7, 2, 0
}

// plainRows is Rows by a map.
func plainRows(ids []dataset.RowID) (positions []int, digest string) {
	seen := map[dataset.RowID]bool{}
	h := sha256.New()
	for i, id := range ids {
		if !seen[id] {
			seen[id] = true
			positions = append(positions, i)
			h.Write(id[:])
		}
	}
	return positions, hex.EncodeToString(h.Sum(nil))
}

func TestRowsAgainstAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, tight := range []bool{false, true} {
		t.Run(fmt.Sprint("tight=", tight), func(t *testing.T) {
			if tight {
				small(t)
			}
			for _, n := range []int{0, 1, 2, 7, 8, 63, 64, 65, 500, 4096, 4097, 10000} {
				for _, distinct := range []int{1, 3, n/2 + 1, 1 << 30} {
					ids := make([]dataset.RowID, n)
					for i := range ids {
						v := float32(i)
						if distinct <= n {
							v = float32(rng.IntN(distinct))
						}
						ids[i] = dataset.IDOf([]float32{v, .5})
					}
					want, digest := plainRows(ids)
					r, err := Gather(t.TempDir(), func(add func([]dataset.RowID) error) error {
						for c := range slices.Chunk(ids, 37) {
							if err := add(c); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					if r.Len() != len(want) || r.Digest() != digest {
						t.Fatalf("%d rows, %d distinct: got %d with digest %s, expected %d with %s", n, distinct, r.Len(), r.Digest(), len(want), digest)
					}
					if d := cmp.Diff(want, append([]int(nil), r.Positions(nil, 0, r.Len())...)); d != "" {
						t.Fatal(d)
					}
					for range min(20, len(want)) {
						from := rng.IntN(len(want))
						to := from + rng.IntN(len(want)-from) + 1
						got := r.Positions(nil, from, to)
						if !slices.Equal(got, want[from:to]) {
							t.Fatalf("%d rows, %d distinct: rows %d to %d are at %v, expected %v", n, distinct, from, to, got, want[from:to])
						}
						b, err := r.read(nil, got)
						if err != nil {
							t.Fatal(err)
						}
						for k, p := range got {
							if dataset.RowID(b[k*idSize:]) != ids[p] {
								t.Fatalf("the id of row %d is wrong", p)
							}
						}
						if id, err := r.ID(got[0]); err != nil || id != ids[got[0]] {
							t.Fatal(id, err)
						}
					}
					r.Close()
				}
			}
		})
	}
}

func TestGatherFails(t *testing.T) {
	small(t)
	scratch, broken := t.TempDir(), errors.New("broken")
	_, err := Gather(scratch, func(add func([]dataset.RowID) error) error {
		if err := add(rowsOf(100)); err != nil {
			return err
		}
		return broken
	})
	if err != broken {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(scratch); len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
	r, err := Gather(filepath.Join(scratch, "nowhere"), func(add func([]dataset.RowID) error) error { return add(rowsOf(100)) })
	if err != nil || r.Len() != 100 {
		t.Errorf("without the scratch folder: %v", err)
	}
}

// TestTightRoundTrip is a store with every limit so low that all of it spills.
func TestTightRoundTrip(t *testing.T) {
	small(t)
	dir, ids := newStore(t, testKey(), 1000, 64)
	check := func() {
		t.Helper()
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		order := rand.New(rand.NewPCG(2, 2)).Perm(1000)
		asked := make([]dataset.RowID, len(order))
		for i, r := range order {
			asked[i] = ids[r]
		}
		got := make([]float32, 1000*classes)
		if err := s.Lookup(asked, got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(logitsOf(order), got); d != "" {
			t.Error(d)
		}
		for i := range 1000 {
			if n, err := s.FirstMissing([]dataset.RowID{dataset.IDOf([]float32{float32(i), 2})}); n != 0 || err != nil {
				t.Fatal("a stranger was found", err)
			}
		}
		if n, err := s.FirstMissing(ids); n != -1 || err != nil {
			t.Error(n, err)
		}
	}
	check()
	want := contents(t, dir)
	if err := os.Remove(indexPath(dir)); err != nil {
		t.Fatal(err)
	}
	check() // without an index
	w, err := Create(dir, testKey(), gathered(ids), 64)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Missing()) > 0 {
		t.Error("a missing index is no missing shard")
	}
	s, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if d := cmp.Diff(want, contents(t, dir)); d != "" {
		t.Error(d)
	}
	for _, name := range []string{"targets-00003.npy", "ids-00015.npy", "index.bin"} {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.Truncate(path, 70); err != nil {
			t.Fatal(err)
		}
		faulttest.Want(t, s.Lookup(ids, make([]float32, 1000*classes)), fault.Integrity, name)
		s.Close()
		if err := os.WriteFile(path, []byte(want[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestIDsInOneBlock looks up ids that share their first bytes and their marks.
func TestIDsInOneBlock(t *testing.T) {
	small(t)
	ids := make([]dataset.RowID, 1000)
	for i := range ids {
		ids[i][7], ids[i][8] = byte(i>>8), byte(i)
	}
	rand.New(rand.NewPCG(3, 3)).Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	if r := gathered(append(slices.Clone(ids), ids...)); r.Len() != len(ids) {
		t.Fatalf("%d rows are distinct, expected %d", r.Len(), len(ids))
	}
	k := testKey()
	dir := filepath.Join(t.TempDir(), "s")
	w, err := Create(dir, k, gathered(ids), 100)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, w)
	s, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := make([]float32, classes)
	for _, i := range []int{0, 1, 63, 64, 65, 511, 998, 999} {
		if err := s.Lookup(ids[i:i+1], got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(logitsOf([]int{i}), got); d != "" {
			t.Errorf("%d: %s", i, d)
		}
	}
	for _, stranger := range []dataset.RowID{{0: 1}, {7: 3, 8: 232}, {15: 1}} {
		if n, err := s.FirstMissing([]dataset.RowID{stranger}); n != 0 || err != nil {
			t.Errorf("%v was found, %v", stranger, err)
		}
	}
}
