package teacher

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// scalerModel divides images (N, 1, 6, 6) by 255; its output has the given
// name, and a second output says how many rows there were.
func scalerModel(out string) *onnx.Model {
	shape := []onnx.Dim{free, {Value: 1}, {Value: side}, {Value: side}}
	g := &onnx.Graph{
		Name:   "scaler",
		Inputs: []*onnx.Value{{Name: "pixels", DType: onnx.Float32, HasShape: true, Shape: shape}},
		Outputs: []*onnx.Value{
			{Name: "shape", DType: onnx.Int64, HasShape: true, Shape: []onnx.Dim{{Value: 4}}},
			{Name: out, DType: onnx.Float32, HasShape: true, Shape: shape},
		},
		Initializers: []*onnx.Tensor{onnx.FloatTensor("k", []int64{1}, []float32{255})},
		Nodes: []*onnx.Node{
			{Name: "shape", OpType: "Shape", Inputs: []string{"pixels"}, Outputs: []string{"shape"}},
			{Name: "div", OpType: "Div", Inputs: []string{"pixels", "k"}, Outputs: []string{out}},
		},
	}
	return &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}, Graph: g}
}

// TestChain puts a scaler before the model, which alone would want /255.
func TestChain(t *testing.T) {
	needLibrary(t)
	ctx := context.Background()
	src := greys(60, 1)
	alone, err := Open(ctx, writeModel(t, greyModel(free, 1, "")), Options{Input: "unit", Stderr: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if _, err := alone.Detect(ctx, src); err != nil {
		t.Fatal(err)
	}
	want := make([]float32, src.Len()*kind)
	if err := alone.Logits(ctx, batchOf(src.x, src.Len()), want); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		out   string
		batch onnx.Dim // of the model
		words string
	}{
		{"image", free, "takes image as image"},
		{"scaled", free, "takes scaled as image"}, // the only one of its type
		{"scaled", onnx.Dim{Value: 4}, "takes scaled as image"},
	} {
		scaler, model := writeModel(t, scalerModel(c.out)), writeModel(t, greyModel(c.batch, 1, ""))
		x, err := Open(ctx, model, Options{Before: []string{scaler}, Stderr: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		contract, err := x.Detect(ctx, src)
		if err != nil {
			t.Fatal(err)
		}
		says(t, contract, "chain: ", c.words)
		says(t, contract, "input range: raw 0..255")
		if contract.InputName != "pixels" || contract.Output != "scores" {
			t.Errorf("got input %q and output %q", contract.InputName, contract.Output)
		}
		got := make([]float32, len(want))
		if err := x.Logits(ctx, batchOf(src.x, src.Len()), got); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if d := got[i] - want[i]; d > 1e-5 || d < -1e-5 {
				t.Fatalf("value %d: got %v, expected %v", i, got[i], want[i])
			}
		}
		if x.Digest() == alone.Digest() {
			t.Error("a chain has the digest of its last model")
		}
		s, err := x.Fill(ctx, src, filepath.Join(t.TempDir(), "store"), FillOptions{})
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float32, kind)
		if err := s.Lookup([]dataset.RowID{dataset.IDOf(src.x[:side*side])}, row); err != nil || row[0] != got[0] {
			t.Errorf("got %v, %v, expected %v", row, err, got[:kind])
		}
	}
}

// TestChainThatDoesNotJoin names both models and what they have.
func TestChainThatDoesNotJoin(t *testing.T) {
	needLibrary(t)
	bad := scalerModel("scaled")
	bad.Graph.Outputs = bad.Graph.Outputs[:1] // only the shape, int64
	scaler := writeModel(t, bad)
	_, err := Open(context.Background(), writeModel(t, greyModel(free, 1, "")), Options{Before: []string{scaler}, Stderr: t.Output()})
	faulttest.Want(t, err, fault.Input, "input image", "nothing to take", `"shape" int64`, scaler)
}

// TestChainRowByRow runs a chain whose last model fails on more than one row,
// and whose first has an output that is no row.
func TestChainRowByRow(t *testing.T) {
	needLibrary(t)
	ctx := context.Background()
	one := greyModel(free, 1, "")
	one.Graph.Nodes = append([]*onnx.Node{{Name: "one", OpType: "Reshape", Inputs: []string{"image", "36"}, Outputs: []string{"pixels"}}}, one.Graph.Nodes...)
	one.Graph.Nodes[1].Inputs[0] = "pixels"
	one.Graph.Initializers = append(one.Graph.Initializers, onnx.Int64Tensor("36", []int64{2}, []int64{1, side * side}))
	x, err := Open(ctx, writeModel(t, one), Options{Before: []string{writeModel(t, scalerModel("scaled"))}, Stderr: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	contract, err := x.Detect(ctx, greys(60, 1))
	if err != nil {
		t.Fatal(err)
	}
	says(t, contract, "batch: 1, though declared free")
	if *contract.Accuracy < 0.95 {
		t.Errorf("%v", contract)
	}
}

// TestChainOfTwoValues joins two outputs with two inputs by their names, which
// stand in another order.
func TestChainOfTwoValues(t *testing.T) {
	pass := func(in []ort.Value, _ int) ([]ort.Value, error) { return in, nil }
	pair := func(a, b string) []ort.Info {
		return []ort.Info{tensor(a, onnx.Float32, -1), tensor(b, onnx.Float32, -1)}
	}
	fakes := map[string]*fake{
		"first":  {inputs: pair("u", "v"), outputs: pair("a", "b"), f: pass},
		"second": {inputs: pair("b", "a"), outputs: pair("p", "q"), f: pass},
	}
	none := &onnx.Model{Graph: &onnx.Graph{}}
	c, err := startChain(context.Background(), []string{"first", "second"}, []*onnx.Model{none, none}, ort.Options{},
		func(_ context.Context, path string, o ort.Options) (ort.Runner, error) {
			fakes[path].options = o
			return fakes[path], nil
		})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Run(context.Background(), []ort.Value{value(onnx.Float32, []float32{1}, 1), value(onnx.Float32, []float32{2}, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if p, q := floatsOf(out[0])[0], floatsOf(out[1])[0]; p != 2 || q != 1 {
		t.Errorf("got %v and %v, expected 2 and 1", p, q)
	}
	if err := c.Restart(context.Background()); err != nil || fakes["first"].restarts != 1 || fakes["second"].restarts != 1 {
		t.Errorf("restarts: %v", err)
	}
}
