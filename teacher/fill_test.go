package teacher

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// filler is a detected teacher on 300 rows, of which row 299 equals row 0.
func filler(t testing.TB, o Options) (*fake, *Teacher, *memory) {
	t.Helper()
	src := greys(300, 1)
	copy(src.x[299*side*side:], src.x[:side*side])
	f := greyFake(onnx.Float32, unitOf["unit"], LogProbabilities, -1, 1, side, side)
	x := f.teach(t, o)
	detect(t, x, src)
	f.calls, f.sizes = 0, nil
	return f, x, src
}

// files is every file of a store but its locks.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "lock") {
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

func TestFill(t *testing.T) {
	ctx := context.Background()
	f, x, src := filler(t, Options{Batch: 16})
	dir := filepath.Join(t.TempDir(), "store")
	var progress []int
	o := FillOptions{ShardRows: 40, Progress: func(done, total int) {
		if total != 299 {
			t.Errorf("total %d", total)
		}
		progress = append(progress, done)
	}}
	s, err := x.Fill(ctx, src, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 299 || s.Classes() != kind {
		t.Fatalf("got %d rows of %d", s.Len(), s.Classes())
	}
	key, err := x.Key(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(key, s.Key()); d != "" || key.Teacher != "d1" || key.Library != "l1" || key.Batch != 16 || key.Kind != "log-probabilities" {
		t.Errorf("%s\n%+v", d, key)
	}
	if !slices.IsSorted(progress) || progress[len(progress)-1] != 299 {
		t.Errorf("progress %v", progress)
	}
	// 7 shards of 40 rows in batches of 16, 16, 8, and one of 19.
	want := slices.Concat(slices.Repeat([]int{16, 16, 8}, 7), []int{16, 3})
	if d := cmp.Diff(want, f.sizes); d != "" {
		t.Error(d)
	}
	ids, err := dataset.IDs(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	got, direct := make([]float32, 300*kind), make([]float32, 300*kind)
	if err := s.Lookup(ids, got); err != nil {
		t.Fatal(err)
	}
	if err := x.Logits(ctx, batchOf(src.x, 300), direct); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(direct, got); d != "" {
		t.Error(d)
	}

	f.calls = 0
	again, err := x.Fill(ctx, src, dir, o)
	if err != nil || f.calls != 0 {
		t.Fatalf("a second call ran %d batches: %v", f.calls, err)
	}
	again.Close()
	shuffled := dataset.Subset(src, []int{5, 4, 3})
	_, err = x.Fill(ctx, shuffled, dir, o)
	faulttest.Want(t, err, fault.Integrity, "dataset")
}

// TestFillGoesOn kills a run in each batch in turn: what is stored stays, and
// the next run ends with the bytes of an uninterrupted one.
func TestFillGoesOn(t *testing.T) {
	ctx := context.Background()
	_, x, src := filler(t, Options{Batch: 16})
	straight := filepath.Join(t.TempDir(), "straight")
	if _, err := x.Fill(ctx, src, straight, FillOptions{ShardRows: 64}); err != nil {
		t.Fatal(err)
	}
	want := files(t, straight)
	for fail := 1; fail <= 19; fail += 3 {
		f, x, src := filler(t, Options{Batch: 16})
		dir := filepath.Join(t.TempDir(), "store")
		stop, cancel := context.WithCancel(ctx)
		f.onRun = func(call int) error {
			if call == fail {
				cancel()
			}
			return nil
		}
		if _, err := x.Fill(stop, src, dir, FillOptions{ShardRows: 64}); err == nil || !errors.Is(err, context.Canceled) {
			t.Fatalf("batch %d: got %v, expected a cancelled run", fail, err)
		}
		for name, b := range files(t, dir) {
			if b != want[name] {
				t.Fatalf("batch %d: %s is not what it should be", fail, name)
			}
		}
		f.onRun = nil
		if _, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 64}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, files(t, dir)); d != "" {
			t.Fatalf("batch %d: %s", fail, d)
		}
	}
}

func TestFillByParts(t *testing.T) {
	ctx := context.Background()
	_, x, src := filler(t, Options{})
	straight, dir := filepath.Join(t.TempDir(), "straight"), filepath.Join(t.TempDir(), "parts")
	if _, err := x.Fill(ctx, src, straight, FillOptions{ShardRows: 50}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		s, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 50, ShardIndex: i, Shards: 3})
		if err != nil {
			t.Fatal(err)
		}
		if (s != nil) != (i == 2) {
			t.Errorf("part %d: got store %v", i, s)
		}
	}
	if d := cmp.Diff(files(t, straight), files(t, dir)); d != "" {
		t.Error(d)
	}
	_, err := x.Fill(ctx, src, dir, FillOptions{ShardIndex: 3, Shards: 3})
	faulttest.Want(t, err, fault.Usage, "got 3 of 3")
}

var errDied = fault.New(fault.Teacher, "fake.onnx", "", "teacher process died: signal 11 at batch 5")

// TestCrashOnce requires one restart, a report, and the same bytes.
func TestCrashOnce(t *testing.T) {
	ctx := context.Background()
	_, x, src := filler(t, Options{Batch: 16})
	straight := filepath.Join(t.TempDir(), "straight")
	if _, err := x.Fill(ctx, src, straight, FillOptions{ShardRows: 64}); err != nil {
		t.Fatal(err)
	}
	f, x, src := filler(t, Options{Batch: 16})
	f.onRun = func(call int) error {
		if call == 5 || call == 9 {
			return errDied
		}
		return nil
	}
	var reports []string
	dir := filepath.Join(t.TempDir(), "store")
	_, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 64, Restarted: func(batch string, err error) {
		reports = append(reports, batch+": "+err.Error())
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"batch 5 (rows 0 to 15 of shard 1): fake.onnx: teacher process died: signal 11 at batch 5",
		"batch 8 (rows 48 to 63 of shard 1): fake.onnx: teacher process died: signal 11 at batch 5",
	}
	if d := cmp.Diff(want, reports); d != "" || f.restarts != 2 {
		t.Errorf("%d restarts\n%s", f.restarts, d)
	}
	if d := cmp.Diff(files(t, straight), files(t, dir)); d != "" {
		t.Error(d)
	}
}

// TestCrashTwice gives up on what ends the process each time, keeps the shards
// and goes on later.
func TestCrashTwice(t *testing.T) {
	ctx := context.Background()
	f, x, src := filler(t, Options{Batch: 16})
	f.onRun = func(call int) error {
		if call >= 6 {
			return errDied
		}
		return nil
	}
	dir := filepath.Join(t.TempDir(), "store")
	_, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 64})
	faulttest.Want(t, err, fault.Teacher, "batch 6 (rows 16 to 31 of shard 1): row 80 (", "and perhaps more end the teacher process each time", "signal 11")
	if f.calls > 25 {
		t.Errorf("%d calls: too many deaths", f.calls)
	}
	if _, err := os.Stat(filepath.Join(dir, "targets-00000.json")); err != nil {
		t.Error("the complete shard is gone")
	}
	f.onRun, f.calls = nil, 0
	if _, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 64}); err != nil {
		t.Fatal(err)
	}
	if f.calls != 15 { // 299 rows less the 64 of shard 0
		t.Errorf("%d batches were run again, expected 15", f.calls)
	}
}

// poison makes the fake die of a batch that holds one of the rows, or of more
// than most rows.
func poison(f *fake, src *memory, most int, rows ...int) {
	plain := f.f
	f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		x := floatsOf(in[0])
		for _, r := range rows {
			for i := range n {
				if same := x[i*side*side : (i+1)*side*side]; slices.EqualFunc(same, src.x[r*side*side:(r+1)*side*side], func(a, b float32) bool { return math.Abs(float64(a-b/255)) < 1e-6 }) {
					return nil, errDied
				}
			}
		}
		if n > most {
			return nil, errDied
		}
		return plain(in, n)
	}
}

// TestPoisonRows requires the rows that end the process by name, and no others.
func TestPoisonRows(t *testing.T) {
	ctx := context.Background()
	for _, rows := range [][]int{{70}, {64}, {79}, {66, 77}, {64, 65, 66, 79}} {
		f, x, src := filler(t, Options{Batch: 16})
		poison(f, src, 16, rows...)
		_, err := x.Fill(ctx, src, filepath.Join(t.TempDir(), "store"), FillOptions{ShardRows: 64})
		verb := "ends"
		words := []string{"batch 5 (rows 0 to 15 of shard 1)"}
		for _, r := range rows {
			words = append(words, fmt.Sprintf("row %d (%v)", r, dataset.IDOf(src.x[r*side*side:(r+1)*side*side])))
		}
		if len(rows) > 1 {
			verb = "end"
		}
		faulttest.Want(t, err, fault.Teacher, append(words, verb+" the teacher process each time: fake.onnx: teacher process died: signal 11")...)
		if got := strings.Count(err.Error(), "row "); got != len(rows) {
			t.Errorf("%d rows are named, expected %d: %v", got, len(rows), err)
		}
		if s := x.Stats(); s.Restarts < 2 || s.Restarts != f.restarts || s.Restarts > 20 {
			t.Errorf("%d restarts, the runner saw %d", s.Restarts, f.restarts)
		}
	}
}

// TestTooMuchAtOnce requires that a batch too large for the process is named as
// such where its rows run alone.
func TestTooMuchAtOnce(t *testing.T) {
	f, x, src := filler(t, Options{Batch: 16})
	poison(f, src, 12)
	_, err := x.Fill(context.Background(), src, filepath.Join(t.TempDir(), "store"), FillOptions{ShardRows: 64})
	faulttest.Want(t, err, fault.Teacher, "row 0 (", "to row 15 (", "together, each alone does not: choose a smaller --teacher-batch or a larger --teacher-memory", "signal 11")
}

// TestPiecesAtATime goes on piece by piece when that is what the process can
// bear, to the same store.
func TestPiecesAtATime(t *testing.T) {
	ctx := context.Background()
	_, x, src := filler(t, Options{Batch: 32})
	straight := filepath.Join(t.TempDir(), "straight")
	if _, err := x.Fill(ctx, src, straight, FillOptions{ShardRows: 64}); err != nil {
		t.Fatal(err)
	}
	f, x, src := filler(t, Options{Batch: 32})
	x.runner = recut{f}
	x.start = func(_ context.Context, o ort.Options) (ort.Runner, error) { return recut{f}, nil }
	reports := 0
	dir := filepath.Join(t.TempDir(), "store")
	s, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 64, Restarted: func(_ string, err error) {
		reports++
		if !strings.Contains(err.Error(), "ended twice on the same batch") || !strings.Contains(err.Error(), "a piece at a time") {
			t.Error(err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if d := cmp.Diff(files(t, straight), files(t, dir)); d != "" || reports != 1 {
		t.Errorf("%d reports, %s", reports, d)
	}
}

// recut is a fake that takes chunks, and dies of those of more than 32 rows.
type recut struct{ *fake }

func (recut) Recut(int) {}

func (r recut) Run(ctx context.Context, in []ort.Value) ([]ort.Value, error) {
	if in[0].Shape[0] > 32 {
		return nil, errDied
	}
	return r.fake.Run(ctx, in)
}

// TestPanics requires that a panic on a goroutine of Fill is an error.
func TestPanics(t *testing.T) {
	_, x, src := filler(t, Options{Batch: 16})
	_, err := x.Fill(context.Background(), &panics{memory: src}, filepath.Join(t.TempDir(), "store"), FillOptions{ShardRows: 64})
	faulttest.Want(t, err, fault.IO, "internal error: no row")
}

// panics is a source that panics once its rows are known.
type panics struct {
	*memory
	reads atomic.Int32
}

func (p *panics) Read(ctx context.Context, rows []int, b *dataset.Batch) error {
	if p.reads.Add(1) > 4 {
		panic("no row")
	}
	return p.memory.Read(ctx, rows, b)
}

// TestFillNotFinite names the row and writes no shard for it.
func TestFillNotFinite(t *testing.T) {
	ctx := context.Background()
	f, x, src := filler(t, Options{Batch: 16})
	bad := dataset.IDOf(src.x[100*side*side : 101*side*side])
	plain := f.f
	f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		out, err := plain(in, n)
		z := scores(nil, out[0])
		if f.calls == 7 { // rows 96 to 111
			z[4*kind+1] = float32(math.Inf(1))
		}
		return []ort.Value{value(onnx.Float32, z, int64(n), kind)}, err
	}
	dir := filepath.Join(t.TempDir(), "store")
	_, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 64})
	faulttest.Want(t, err, fault.Input, fmt.Sprintf("row 100 (%v)", bad), "not finite")
	if _, err := os.Stat(filepath.Join(dir, "targets-00001.npy")); err == nil {
		t.Error("the shard with the bad row was written")
	}
	if _, err := os.Stat(filepath.Join(dir, "targets-00000.json")); err != nil {
		t.Error("the complete shard was not kept")
	}
}

// TestFillReportsDiskFaults fails the writer, not the teacher.
func TestFillReportsDiskFaults(t *testing.T) {
	_, x, src := filler(t, Options{Batch: 16})
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "targets-00002.npy"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := x.Fill(context.Background(), src, dir, FillOptions{ShardRows: 64})
	faulttest.Want(t, err, fault.IO, "targets-00002.npy", "is a folder")
}

func TestFillRepairs(t *testing.T) {
	ctx := context.Background()
	f, x, src := filler(t, Options{Batch: 16})
	dir := filepath.Join(t.TempDir(), "store")
	if _, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 64}); err != nil {
		t.Fatal(err)
	}
	want := files(t, dir)
	path := filepath.Join(dir, "targets-00001.npy")
	b := []byte(want["targets-00001.npy"])
	b[200] ^= 4
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 64})
	faulttest.Want(t, err, fault.Integrity, "targets-00001.npy", "digest mismatch")
	f.calls = 0
	if _, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 64, Repair: true}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, files(t, dir)); d != "" || f.calls != 4 {
		t.Errorf("%d batches, %s", f.calls, d)
	}
}

// TestKeyFollowsTheContract requires another key for whatever changes targets.
func TestKeyFollowsTheContract(t *testing.T) {
	_, x, src := filler(t, Options{})
	base, err := x.Key(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	plain := *x.contract
	for field, change := range map[string]func(c *Contract){
		"preprocess":  func(c *Contract) { c.Preprocess.Scale = 2 },
		"input":       func(c *Contract) { c.Inputs = []Input{{Name: "z"}} },
		"input ":      func(c *Contract) { c.Inputs = []Input{{Name: "x", Columns: []string{"a"}}} },
		"input  ":     func(c *Contract) { v := "1"; c.Inputs = append(slices.Clone(c.Inputs), Input{Name: "k", Constant: &v}) },
		"input   ":    func(c *Contract) { c.Inputs = []Input{{Name: "x", Dims: []int64{36}}} },
		"input_shape": func(c *Contract) { c.InputShape = []int64{1} },
		"output":      func(c *Contract) { c.Output = "z" },
		"kind":        func(c *Contract) { c.Kind = Logits },
		"columns":     func(c *Contract) { c.Columns = []int{1, 0, 2} },
		"batch":       func(c *Contract) { c.FixedBatch = 1 },
		"provider":    func(c *Contract) { c.Provider = "cuda:0" },
		"options":     func(c *Contract) { c.OneColumn = true },
	} {
		c := plain
		change(&c)
		x.contract = &c
		k, err := x.Key(context.Background(), src)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := base.Diff(k); got != strings.TrimSpace(field) {
			t.Errorf("%s: the keys differ in %q", field, got)
		}
	}
}
