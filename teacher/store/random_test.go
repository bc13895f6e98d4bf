package store

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// TestDrawnStores writes stores of every dtype whose shards, repetitions and
// common rows are drawn by chance, in memory and on disk, merges them, and
// compares every row with a map: the first store that has it counts.
func TestDrawnStores(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(24) {
		rng := rand.New(rand.NewPCG(seed, 5))
		if seed == 12 {
			small(t)
		}
		k := testKey()
		k.ClassNames = nil
		k.Classes = 1 + rng.IntN(40)
		k.DType = []string{"float32", "float16"}[rng.IntN(2)]
		top := 0
		if k.Classes > 1 && rng.IntN(2) == 0 {
			top = 1 + rng.IntN(k.Classes-1)
			k.DType = DType{Kind: TopK, K: top, Elem: []string{Float16, Float32}[rng.IntN(2)]}.String()
		}
		about := fmt.Sprintf("%d: %s of %d classes", seed, k.DType, k.Classes)
		want := map[dataset.RowID][]float32{}
		var dirs []string
		for range 1 + rng.IntN(3) {
			n := 1 + rng.IntN(300)
			ids, logits := make([]dataset.RowID, n), make([][]float32, n)
			for i := range ids {
				ids[i] = dataset.IDOf([]float32{float32(rng.IntN(400))})
				for range k.Classes {
					logits[i] = append(logits[i], float32(rng.IntN(9)-4)-[]float32{0, 100}[rng.IntN(2)]*float32(rng.IntN(2)))
				}
			}
			rows := gathered(ids)
			dir := filepath.Join(t.TempDir(), "store")
			w, err := Create(dir, k, rows, 1+rng.IntN(120))
			if err != nil {
				t.Fatalf("%s: %v", about, err)
			}
			seen := map[dataset.RowID]bool{}
			for _, m := range w.Missing() {
				var all []float32
				for _, p := range w.Positions(nil, m.Index) {
					if seen[ids[p]] {
						t.Fatalf("%s: row %d is there twice", about, p)
					}
					seen[ids[p]] = true
					all = append(all, logits[p]...)
					if want[ids[p]] == nil {
						want[ids[p]] = logits[p]
					}
				}
				if err := w.WriteShard(m.Index, all); err != nil {
					t.Fatalf("%s: %v", about, err)
				}
			}
			s, err := w.Finish()
			if err != nil {
				t.Fatalf("%s: %v", about, err)
			}
			s.Close()
			rows.Close()
			dirs = append(dirs, dir)
		}
		s, err := Merge(ctx, filepath.Join(t.TempDir(), "all"), dirs, nil)
		if err != nil {
			t.Fatalf("%s: %v", about, err)
		}
		if s.Len() != len(want) {
			t.Fatalf("%s: %d rows, expected %d", about, s.Len(), len(want))
		}
		got := make([]float32, k.Classes)
		for id, row := range want {
			for _, temperature := range []float64{0.01, 1, 4, 1000} {
				if err := s.At(temperature).Lookup([]dataset.RowID{id}, got); err != nil {
					t.Fatalf("%s: %v", about, err)
				}
				if top == 0 {
					if !slices.Equal(got, row) { // whole numbers, which float16 holds
						t.Fatalf("%s: got %v, expected %v", about, got, row)
					}
					continue
				}
				checkTop(t, about, got, row, top, temperature)
			}
			if err := s.Lookup([]dataset.RowID{id}, got); err != nil {
				t.Fatal(err)
			}
		}
		if at, err := s.FirstMissing([]dataset.RowID{dataset.IDOf([]float32{-1})}); at != 0 || err != nil {
			t.Errorf("%s: a row that is not there is at %d, %v", about, at, err)
		}
		s.Close()
	}
}

// checkTop requires the k largest logits as they were, the others all alike, not
// above them, finite, and at temperature 1 of the mass that they had.
func checkTop(t *testing.T, about string, got, row []float32, k int, temperature float64) {
	t.Helper()
	order := make([]int, len(row))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if row[a] != row[b] {
			return map[bool]int{true: -1, false: 1}[row[a] > row[b]]
		}
		return a - b
	})
	mass, kept := 0.0, 0.0
	for i, c := range order {
		if i < k && got[c] != row[c] || i >= k && (got[c] != got[order[k]] || got[c] > row[order[k-1]] || got[c]-got[c] != 0) {
			t.Fatalf("%s, T %v: class %d: got %v of %v, expected the %d largest of %v", about, temperature, c, got[c], got, k, row)
		}
		if i >= k {
			mass += math.Exp(float64(row[c]))
			kept += math.Exp(float64(got[c]))
		}
	}
	if temperature == 1 && math.Abs(math.Log(mass)-math.Log(kept)) > 0.04 { // float16 near −100
		t.Fatalf("%s: the rest has mass %v, expected %v: %v of %v", about, kept, mass, got, row)
	}
}
