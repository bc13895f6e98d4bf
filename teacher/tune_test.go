package teacher

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// sized is a fake whose speed and bits depend on the piece.
type sized struct {
	*fake
	piece int
	slow  map[int]time.Duration // by piece
	other int                   // the piece that gives other bits
}

func (s *sized) Recut(batch int) { s.piece = batch }

func (s *sized) Run(ctx context.Context, in []ort.Value) ([]ort.Value, error) {
	time.Sleep(s.slow[s.piece])
	out, err := s.fake.Run(ctx, in)
	if err == nil && s.piece == s.other {
		out[0].Data[len(out[0].Data)-4] ^= 1
	}
	return out, err
}

// encodedRows are the first n rows of src as x takes them.
func encodedRows(t *testing.T, x *Teacher, src *memory, n int) *encoded {
	t.Helper()
	var b dataset.Batch
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	if err := src.Read(context.Background(), rows, &b); err != nil {
		t.Fatal(err)
	}
	var in encoded
	if err := x.encode.encode(&in, &b); err != nil {
		t.Fatal(err)
	}
	return &in
}

// TestFastest requires the fastest piece of those that give the same bits, and
// the usual one where no other is clearly faster.
func TestFastest(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, c := range []struct {
		name  string
		slow  map[int]time.Duration
		other int
		want  int
	}{
		{"a smaller one", map[int]time.Duration{16: ms(40), 32: ms(2), 64: ms(30), 128: ms(60)}, 0, 32},
		{"the fastest has other bits", map[int]time.Duration{16: ms(40), 32: ms(2), 64: ms(20), 128: ms(60)}, 32, 64},
		{"none is faster", map[int]time.Duration{16: ms(40), 32: ms(40), 64: ms(40), 128: ms(2)}, 0, 128},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, x, src := filler(t, Options{})
			s := &sized{fake: f, piece: 128, slow: c.slow, other: c.other}
			x.runner, x.cut = s, cut{piece: 128, lanes: 2}
			if _, err := x.fastest(context.Background(), encodedRows(t, x, src, 256), 256); err != nil {
				t.Fatal(err)
			}
			if x.cut.piece != c.want || s.piece != c.want {
				t.Errorf("chose %d and left the runner at %d, expected %d", x.cut.piece, s.piece, c.want)
			}
		})
	}
}

// TestSameBits requires the same store whatever the lanes, the chunks and the
// piece that was found to be fastest, from models that give the same bits for
// any piece and from one that does not.
func TestSameBits(t *testing.T) {
	needLibrary(t)
	ctx := context.Background()
	src := greys(2500, 1)
	for name, m := range map[string]*onnx.Model{"any piece": greyModel(free, 255, "LogSoftmax"), "this piece": countingModel()} {
		t.Run(name, func(t *testing.T) {
			path := writeModel(t, m)
			var want map[string]string
			for _, o := range []Options{{Threads: 1}, {Threads: 3}, {Threads: 2, InProcess: true}, {}} {
				o.Input = "raw"
				x, err := Open(ctx, path, o)
				if err != nil {
					t.Fatal(err)
				}
				defer x.Close()
				if got := detect(t, x, src); got.Batch != DefaultBatch {
					t.Fatalf("batch %d", got.Batch)
				}
				dir := filepath.Join(t.TempDir(), "s")
				s, err := x.Fill(ctx, src, dir, FillOptions{ShardRows: 1100})
				if err != nil {
					t.Fatal(err)
				}
				s.Close()
				if want == nil {
					want = files(t, dir)
				}
				if d := cmp.Diff(want, files(t, dir)); d != "" {
					t.Errorf("%+v: %.300s", o, d)
				}
				if _, err := x.fastest(ctx, encodedRows(t, x, src, 2400), 2400); err != nil {
					t.Fatal(err)
				}
				if name == "this piece" && x.cut.piece != DefaultBatch {
					t.Errorf("%+v: pieces of %d rows, though they give other bits", o, x.cut.piece)
				}
			}
		})
	}
}

// countingModel is greyModel whose scores depend a little on how many rows come
// in one call.
func countingModel() *onnx.Model {
	m := greyModel(free, 255, "LogSoftmax")
	node := func(op, out string, in ...string) *onnx.Node {
		return &onnx.Node{OpType: op, Inputs: in, Outputs: []string{out}}
	}
	cast := node("Cast", "count", "all")
	cast.Attrs = []*onnx.Attr{{Name: "to", Type: onnx.AttrInt, I: int64(onnx.Float32)}}
	g := m.Graph
	g.Nodes[len(g.Nodes)-1].Outputs = []string{"said"}
	g.Nodes = append(g.Nodes, node("Size", "all", "image"), cast, node("Mul", "little", "count", "epsilon"),
		node("Add", g.Outputs[0].Name, "said", "little"))
	g.Initializers = append(g.Initializers, onnx.FloatTensor("epsilon", nil, []float32{1e-7}))
	return m
}

// TestUsualBatch has pieces of some MiB at most, unless they run on a GPU.
func TestUsualBatch(t *testing.T) {
	for size, want := range map[int]int{1: 128, 784: 128, 3 * 32 * 32: 128, 3 * 224 * 224: 8, 3 * 1024 * 1024: 1} {
		if got := usualBatch(size, "cpu"); got != want {
			t.Errorf("%d values: got %d rows, expected %d", size, got, want)
		}
		if got := usualBatch(size, "cuda:0"); got < 16 {
			t.Errorf("%d values on a GPU: got %d rows", size, got)
		}
	}
}
