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
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
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
		faulttest.Want(t, err, fault.Integrity, "dtype", want, "topk:1:float32")
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
	if err := x.open(ctx, x.outputs, 0); err != nil { // as Fill does for many rows
		t.Fatal(err)
	}
	if x.known == nil {
		t.Error("the rows were closed with the session, while Fill needs them")
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

// TestKeyFollowsThePlaces: rows are known by their values alone, so that under
// headings that changed places, or as images of another shape, the same rows
// are other inputs.
func TestKeyFollowsThePlaces(t *testing.T) {
	ctx := context.Background()
	table := func(columns ...string) store.Key {
		f := &fake{inputs: []ort.Info{tensor("a", onnx.Float32, -1, 1), tensor("b", onnx.Float32, -1, 1)}, outputs: []ort.Info{tensor("y", onnx.Float32, -1, 2)}}
		f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
			a, b, out := floatsOf(in[0]), floatsOf(in[1]), []float32(nil)
			for r := range n {
				out = append(out, a[r]-2*b[r], b[r])
			}
			return []ort.Value{value(onnx.Float32, out, int64(n), 2)}, nil
		}
		src := plainTable(columns...)
		x := f.teach(t, Options{Input: "raw"})
		if _, err := x.Detect(ctx, src); err != nil {
			t.Fatal(err)
		}
		k, err := x.Key(ctx, src)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if field, _, _ := table("a", "b").Diff(table("b", "a")); field != "options" {
		t.Errorf("columns that changed places: the keys differ in %q", field)
	}
	image := func(shape ...int) store.Key {
		src := greys(60, 1)
		src.spec.Shape = shape
		x := greyFake(onnx.Float32, unitOf["raw"], Logits, -1, 1, 12, 12).teach(t, Options{Input: "raw"})
		if _, err := x.Detect(ctx, src); err != nil {
			t.Fatal(err)
		}
		k, err := x.Key(ctx, src)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if field, _, _ := image(6, 6, 1).Diff(image(4, 9, 1)); field != "options" {
		t.Errorf("images of another shape: the keys differ in %q", field)
	}
}
