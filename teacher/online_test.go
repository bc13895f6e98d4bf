package teacher

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// TestAnswer holds mini-batches, larger and smaller than those that were
// announced, to the logits that the model is made of, whatever ran before.
func TestAnswer(t *testing.T) {
	ctx := context.Background()
	for _, shape := range [][]int64{{-1, 1, side, side}, {4, 1, side, side}, {1, side * side}} {
		f := greyFake(onnx.Float32, unitOf["raw"], Logits, shape...)
		src := greys(300, 1)
		x := f.teach(t, Options{})
		out := make([]float32, 300*kind)
		faulttest.Want(t, x.Online(ctx, OnlineOptions{Rows: 8}), fault.Usage, "detect it first")
		if _, err := x.Detect(ctx, src); err != nil {
			t.Fatal(err)
		}
		faulttest.Want(t, x.Answer(ctx, batchOf(src.x, 300), out), fault.Usage, "not opened for answering")
		faulttest.Want(t, x.Online(ctx, OnlineOptions{}), fault.Usage, "0 rows", "at least 1")
		if err := x.Online(ctx, OnlineOptions{Rows: 40}); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{300, 1, 40, 33} {
			if err := x.Answer(ctx, batchOf(src.x[:n*side*side], n), out[:n*kind]); err != nil {
				t.Fatal(err)
			}
			for r := range n {
				unit := slices.Clone(src.x[r*side*side : (r+1)*side*side])
				for i := range unit {
					unit[i] /= 255
				}
				for k, want := range greyLogits(unit) {
					if got := out[r*kind+k]; got-want > 1e-3 || want-got > 1e-3 {
						t.Fatalf("input %v, %d rows: row %d class %d: got %v, expected %v", shape, n, r, k, got, want)
					}
				}
			}
		}
		if _, err := x.Fill(ctx, src, t.TempDir(), FillOptions{}); err != nil {
			t.Fatal(err)
		}
		faulttest.Want(t, x.Answer(ctx, batchOf(src.x, 300), out), fault.Usage, "not opened for answering")
	}
}

// recutFake is a fake that is cut as sessions and workers are.
type recutFake struct{ *fake }

func (f recutFake) Recut(batch int) { f.options.Batch = batch }

// TestAnswerPieces holds every native call to be of one size, whatever size was
// tuned for filling, or the one that is asked for.
func TestAnswerPieces(t *testing.T) {
	ctx, src := context.Background(), greys(300, 1)
	for asked, want := range map[int]int{0: onlinePiece, 20: 20, 200: 200} {
		f := greyFake(onnx.Float32, unitOf["raw"], Logits, -1, 1, side, side)
		x := f.teach(t, Options{Batch: asked})
		if _, err := x.Detect(ctx, src); err != nil {
			t.Fatal(err)
		}
		x.runner = recutFake{f}
		x.start = func(_ context.Context, so ort.Options) (ort.Runner, error) { f.options = so; return recutFake{f}, nil }
		for range 2 {
			if err := x.Online(ctx, OnlineOptions{Rows: 100}); err != nil {
				t.Fatal(err)
			}
			var sizes []int
			own := f.f
			f.f = func(in []ort.Value, n int) ([]ort.Value, error) { sizes = append(sizes, n); return own(in, n) }
			if err := x.Answer(ctx, batchOf(src.x[:90*side*side], 90), make([]float32, 90*kind)); err != nil {
				t.Fatal(err)
			}
			f.f = own
			if len(sizes) != (90+want-1)/want || slices.ContainsFunc(sizes, func(n int) bool { return n != want }) {
				t.Errorf("asked for %d: calls of %v rows, expected of %d", asked, sizes, want)
			}
			recutFake{f}.Recut(7) // as looking for the fastest piece leaves it
		}
	}
}

// TestAnswerBits holds the bits of a mini-batch to be the same after Detect and
// after a Fill that has tuned how it cuts, on one core and on several, and of an
// ensemble what its members give.
func TestAnswerBits(t *testing.T) {
	needLibrary(t)
	ctx, src := context.Background(), greys(3000, 1)
	path := writeModel(t, greyModel(free, 255, "LogSoftmax"))
	var want []float32
	ask := func(how string, m Model) {
		got := make([]float32, 100*kind)
		for _, n := range []int{100, 37, 100} {
			if err := m.Answer(ctx, batchOf(src.x[:n*side*side], n), got[:n*kind]); err != nil {
				t.Fatal(err)
			}
		}
		if want == nil {
			want = slices.Clone(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: other bits", how)
		}
	}
	for _, cores := range []int{1, 3} {
		before := runtime.GOMAXPROCS(cores)
		defer runtime.GOMAXPROCS(before)
		x, err := Open(ctx, path, Options{Input: "raw"})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		detect(t, x, src)
		for _, how := range []string{"after Detect", "after Fill"} {
			if err := x.Online(ctx, OnlineOptions{Rows: 100}); err != nil {
				t.Fatal(err)
			}
			ask(fmt.Sprintf("%s on %d cores", how, cores), x)
			if x.cut.piece != onlinePiece || x.cut.lanes != min(cores, 4) {
				t.Errorf("cut %+v on %d cores", x.cut, cores)
			}
			if _, err := x.Fill(ctx, src, t.TempDir(), FillOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		y, err := Open(ctx, path, Options{Input: "raw"})
		if err != nil {
			t.Fatal(err)
		}
		e, err := NewEnsemble([]*Teacher{x, y}, EnsembleOptions{Mean: Geometric})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if _, err := e.Detect(ctx, src); err != nil {
			t.Fatal(err)
		}
		if err := e.Online(ctx, OnlineOptions{Rows: 100}); err != nil {
			t.Fatal(err)
		}
		z := make([]float32, 100*kind)
		if err := e.Answer(ctx, batchOf(src.x[:100*side*side], 100), z); err != nil {
			t.Fatal(err)
		}
		for r := range 100 {
			got, each := softmax64(z[r*kind:(r+1)*kind], 1), softmax64(want[r*kind:(r+1)*kind], 1)
			for k := range kind {
				if math.Abs(got[k]-each[k]) > 1e-5 {
					t.Fatalf("row %d: the mean of two alike is %v, each says %v", r, got, each)
				}
			}
		}
	}
}

// TestAnswerSurvives lets the worker die between mini-batches, which a restart
// mends and tells, and gives it rows that it hangs on, which are named.
func TestAnswerSurvives(t *testing.T) {
	needLibrary(t)
	ctx, src := context.Background(), greys(64, 1)
	x, err := Open(ctx, writeModel(t, trapModel(t, false)), Options{Input: "raw", Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	detect(t, x, src)
	told := 0
	if err := x.Online(ctx, OnlineOptions{Rows: 64, Restarted: func(string, error) { told++ }}); err != nil {
		t.Fatal(err)
	}
	z, again := make([]float32, 64*kind), make([]float32, 64*kind)
	if err := x.Answer(ctx, batchOf(src.x, 64), z); err != nil {
		t.Fatal(err)
	}
	pid := x.runner.(interface{ Pid() int }).Pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := x.Answer(ctx, batchOf(src.x, 64), again); err != nil || told != 1 || !slices.Equal(z, again) {
		t.Errorf("after a kill: %v, told %d times, same answers %v", err, told, slices.Equal(z, again))
	}
	bad := slices.Clone(src.x)
	bad[41*side*side] = 2000
	err = x.Answer(ctx, batchOf(bad, 64), again)
	faulttest.Want(t, err, fault.Teacher, fmt.Sprintf("row 41 (%v) of the mini-batch", dataset.IDOf(bad[41*side*side:42*side*side])), "ends the teacher process each time")
	if err := x.Answer(ctx, batchOf(src.x, 64), again); err != nil || !slices.Equal(z, again) {
		t.Errorf("after a row that hangs: %v", err)
	}
}
