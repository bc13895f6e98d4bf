package teacher

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// keeps sets how the filler keeps targets.
func keeps(t testing.TB, x *Teacher, dtype string) {
	t.Helper()
	var err error
	if x.dtype, err = store.ParseDType(dtype); err != nil {
		t.Fatal(err)
	}
}

// TestFillKeepsAsAsked fills by each dtype, and goes on as a store began when
// nothing is asked.
func TestFillKeepsAsAsked(t *testing.T) {
	ctx := context.Background()
	for asked, want := range map[string]string{"": "float32", "float16": "float16", "topk:2": "topk:2", "topk:0.34": "topk:0.34=1"} {
		f, x, src := filler(t, Options{Batch: 16})
		keeps(t, x, asked)
		dir := filepath.Join(t.TempDir(), "store")
		s, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 64})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		if got := s.Key().DType; got != want {
			t.Errorf("%q: kept as %q, expected %q", asked, got, want)
		}
		if !x.Answers(s.Key()) {
			t.Errorf("%q: the store is no answer to its own teacher", asked)
		}
		f.calls = 0
		for _, same := range []string{asked, ""} {
			keeps(t, x, same)
			if s, err = x.Fill(ctx, src, dir, FillOptions{ShardRows: 64}); err != nil || f.calls > 0 {
				t.Fatalf("%q then %q: %d calls, %v", asked, same, f.calls, err)
			}
			s.Close()
		}
		keeps(t, x, "topk:1:float32")
		if x.Answers(s.Key()) {
			t.Errorf("%q answers for topk:1:float32", want)
		}
		_, err = x.Fill(ctx, src, dir, FillOptions{ShardRows: 64})
		wantFault(t, err, fault.Integrity, "dtype", want, "topk:1:float32")
	}
}

// TestKeyFollowsFilesAndRows requires a miss when a row, the teacher's bytes,
// the library or an option changes.
func TestKeyFollowsFilesAndRows(t *testing.T) {
	ctx := context.Background()
	key := func(change func(x *Teacher, src *memory)) store.Key {
		_, x, src := filler(t, Options{})
		if change != nil {
			change(x, src)
		}
		k, err := x.Key(ctx, src)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	base := key(nil)
	if again := key(nil); again.Hash() != base.Hash() {
		t.Error("the same run has another key")
	}
	for what, change := range map[string]func(x *Teacher, src *memory){
		"teacher": func(x *Teacher, _ *memory) { x.digest = "d2" },
		"library": func(x *Teacher, _ *memory) { x.contract.Library = "l2" },
		"dataset": func(_ *Teacher, src *memory) { src.x[17]++ },
		"dtype":   func(x *Teacher, _ *memory) { keeps(t, x, "float16") },
		"options": func(x *Teacher, _ *memory) { x.o.Config = map[string]string{"a": "b"} },
	} {
		k := key(change)
		if field, _, _ := base.Diff(k); field != what || k.Hash() == base.Hash() {
			t.Errorf("%s: the keys differ in %q", what, field)
		}
	}
}

// TestRowsAreKnownOnce reads a source once for its key and its store, and
// again when it is another source.
func TestRowsAreKnownOnce(t *testing.T) {
	_, x, src := filler(t, Options{Scratch: t.TempDir()})
	ctx := context.Background()
	a, err := x.rowsOf(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := x.rowsOf(ctx, src); b != a {
		t.Error("the rows were read twice")
	}
	if c, _ := x.rowsOf(ctx, dataset.Subset(src, []int{1, 2})); c == a || c.Len() != 2 {
		t.Error("another source has the same rows")
	}
	if left, _ := os.ReadDir(x.o.Scratch); len(left) > 0 {
		t.Errorf("%v lies in the scratch folder", left)
	}
}

func TestChooseDraws(t *testing.T) {
	for _, c := range [][2]int{{1, 1}, {10, 10}, {10, 3}, {1 << 40, 500}} {
		got := choose(rand.New(rand.NewPCG(1, 2)), c[0], c[1])
		if len(got) != c[1] || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != c[1] || got[0] < 0 || got[len(got)-1] >= c[0] {
			t.Errorf("%v: got %v", c, got)
		}
	}
}
