package teacher

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

func TestMain(m *testing.M) {
	ort.MaybeServeWorker()
	os.Exit(m.Run())
}

// needLibrary skips a test where ONNX Runtime is not installed.
func needLibrary(t testing.TB) {
	t.Helper()
	if _, err := ort.Find(""); err != nil {
		t.Skipf("ONNX Runtime is not installed: %v", err)
	}
}

// greyModel is greyFake as an ONNX model whose input is (batch, 1, 6, 6) in
// the range 0..top. last is the operator at its end, or empty for logits.
func greyModel(batch onnx.Dim, top float32, last string) *onnx.Model {
	weights := make([]float32, side*side*kind) // (36, 3): the mean of each band
	for p := range side * side {
		weights[p*kind+band(p)] = kind / float32(side*side)
	}
	node := func(op, out string, in ...string) *onnx.Node {
		return &onnx.Node{Name: out, OpType: op, Inputs: in, Outputs: []string{out}}
	}
	g := &onnx.Graph{
		Name: "grey",
		Inputs: []*onnx.Value{{Name: "image", DType: onnx.Float32, HasShape: true,
			Shape: []onnx.Dim{batch, {Value: 1}, {Value: side}, {Value: side}}}},
		Outputs: []*onnx.Value{{Name: "scores", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{batch, {Value: kind}}}},
		Initializers: []*onnx.Tensor{
			onnx.FloatTensor("bands", []int64{side * side, kind}, weights),
			onnx.FloatTensor("grey", []int64{1}, []float32{grey / 255.0 * top}),
			onnx.FloatTensor("sharpness", []int64{1}, []float32{-100 / (top * top)}),
		},
		Nodes: []*onnx.Node{
			node("Flatten", "flat", "image"),
			node("MatMul", "mean", "flat", "bands"),
			node("Sub", "off", "mean", "grey"),
			node("Mul", "squared", "off", "off"),
			node("Mul", "logits", "squared", "sharpness"),
		},
	}
	if last == "" {
		last = "Identity"
	}
	g.Nodes = append(g.Nodes, node(last, "scores", "logits"))
	return &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}, ProducerName: "kdonnx", Graph: g}
}

// writeModel puts a model into a new folder.
func writeModel(t testing.TB, m *onnx.Model) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "grey.onnx")
	if err := onnx.Write(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

var free = onnx.Dim{Value: -1, Param: "N"}

func TestInspect(t *testing.T) {
	path := writeModel(t, greyModel(free, 255, "Softmax"))
	info, err := Inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Parameters != 36*3+2 || info.Nodes != 6 || info.Ops[0] != (Op{"Mul", 2}) {
		t.Errorf("got %+v", info)
	}
	if d := cmp.Diff([]Port{{"image", "float32", "(N, 1, 6, 6)", "NCHW"}}, info.Inputs); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Port{{"scores", "float32", "(N, 3)", "probabilities"}}, info.Outputs); d != "" {
		t.Error(d)
	}
	text := info.String()
	for _, want := range []string{info.SHA256, "110 parameters", "ai.onnx 13", `"image" float32 (N, 1, 6, 6), probably NCHW`, "Mul×2"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q", text, want)
		}
	}
	raw, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	var back Info
	if err := json.Unmarshal(raw, &back); err != nil || cmp.Diff(*info, back) != "" {
		t.Errorf("%v: %s", err, raw)
	}
	for last, want := range map[string]string{"": "logits", "LogSoftmax": "log-probabilities", "Sigmoid": "one sigmoid a class"} {
		info, err := Inspect(writeModel(t, greyModel(free, 1, last)))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Outputs[0].Guess; got != want {
			t.Errorf("%s: got %q, expected %q", last, got, want)
		}
	}
}

func TestBadFilesNeverReachNativeCode(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"empty.onnx": "", "text.onnx": "<html>404</html>", "cut.onnx": "\x08\x08\x12"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(context.Background(), path, Options{Library: filepath.Join(dir, "no-library.so")})
		faulttest.Want(t, err, fault.Input, name)
		_, err = Inspect(path)
		faulttest.Want(t, err, fault.Input, name)
	}
	_, err := Open(context.Background(), filepath.Join(dir, "nowhere.onnx"), Options{})
	if err == nil || !strings.Contains(err.Error(), "nowhere.onnx") {
		t.Errorf("got %v", err)
	}
	path := writeModel(t, greyModel(free, 1, ""))
	_, err = Open(context.Background(), path, Options{Library: filepath.Join(dir, "no-library.so")})
	faulttest.Want(t, err, fault.Integrity, "no-library.so")
	m := greyModel(free, 1, "")
	m.Graph.Outputs[0] = &onnx.Value{Name: "scores", Kind: onnx.KindOptional}
	if _, err := fetchable("m.onnx", m, ""); err == nil {
		t.Error("an optional was taken for scores")
	} else {
		faulttest.Want(t, err, fault.Input, `"scores" optional`)
	}
}

// TestFixtures runs real models of every kind, range and batch rule in worker
// processes and in this one.
func TestFixtures(t *testing.T) {
	needLibrary(t)
	ctx := context.Background()
	src := greys(150, 1)
	kinds := map[string]Kind{"": Logits, "Softmax": Probabilities, "LogSoftmax": LogProbabilities}
	lasts := []string{"", "Softmax", "LogSoftmax"}
	for _, c := range []struct {
		batch onnx.Dim
		fixed int
		top   float32
		o     Options
	}{
		{free, 0, 1, Options{}}, {free, 0, 255, Options{}}, {onnx.Dim{Value: 1}, 1, 1, Options{}},
		{onnx.Dim{Value: 4}, 4, 1, Options{}}, {free, 0, 1, Options{InProcess: true, Batch: 7, Threads: 1}},
	} {
		for _, last := range lasts {
			k := kinds[last]
			t.Run(fmt.Sprintf("batch %d/0 to %v/%s", c.batch.Value, c.top, k), func(t *testing.T) {
				x, err := Open(ctx, writeModel(t, greyModel(c.batch, c.top, last)), c.o)
				if err != nil {
					t.Fatal(err)
				}
				defer x.Close()
				got := detect(t, x, src)
				want := map[float32]string{1: "unit", 255: "raw"}[c.top]
				if got.Range != want || got.Kind != k || got.FixedBatch != c.fixed || *got.Accuracy < 0.99 || got.Provider != "cpu" {
					t.Errorf("got\n%v", got)
				}
				s, err := x.Fill(ctx, src, filepath.Join(t.TempDir(), "s"), FillOptions{ShardRows: 64})
				if err != nil {
					t.Fatal(err)
				}
				ids, err := dataset.IDs(ctx, src)
				if err != nil {
					t.Fatal(err)
				}
				z := make([]float32, 150*kind)
				if err := s.Lookup(ids, z); err != nil {
					t.Fatal(err)
				}
				row := make([]float32, side*side)
				for r := range 150 {
					for i := range row {
						row[i] = src.x[r*side*side+i] / 255
					}
					near(t, z[r*kind:(r+1)*kind], greyLogits(row))
				}
			})
		}
	}
}

// TestKilledWorker kills the worker process in the middle of a run, which must
// not be noticed in what is stored.
func TestKilledWorker(t *testing.T) {
	needLibrary(t)
	ctx := context.Background()
	src := greys(2000, 1)
	x, err := Open(ctx, writeModel(t, greyModel(free, 1, "LogSoftmax")), Options{Batch: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	detect(t, x, src)
	straight, dir := filepath.Join(t.TempDir(), "straight"), filepath.Join(t.TempDir(), "killed")
	if _, err := x.Fill(ctx, src, straight, FillOptions{ShardRows: 300}); err != nil {
		t.Fatal(err)
	}
	reports, parts := 0, 0
	_, err = x.Fill(ctx, src, dir, FillOptions{ShardRows: 300,
		Progress: func(done, _ int) {
			if parts++; parts%2 == 0 && parts <= 6 {
				syscall.Kill(x.runner.(*ort.Worker).Pid(), syscall.SIGKILL)
			}
		},
		Restarted: func(batch string, err error) {
			reports++
			if fault.KindOf(err) != fault.Teacher || !strings.Contains(err.Error(), "killed") {
				t.Errorf("%s: %v", batch, err)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	if reports < 1 || reports > 3 { // what was handed over ahead may be done before its process dies
		t.Errorf("%d restarts were reported, expected 1 to 3", reports)
	}
	if d := cmp.Diff(files(t, straight), files(t, dir)); d != "" {
		t.Error(d)
	}
}
