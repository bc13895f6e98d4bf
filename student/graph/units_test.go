package graph

import (
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// TestUnits reads one net with every way in which weights meet their units,
// all of different sizes.
func TestUnits(t *testing.T) {
	w := func(name string, dims ...int64) *onnx.Tensor {
		n := int64(1)
		for _, d := range dims {
			n *= d
		}
		return onnx.FloatTensor(name, dims, make([]float32, n))
	}
	node := func(op, out string, in []string, attrs ...*onnx.Attr) *onnx.Node {
		return &onnx.Node{OpType: op, Inputs: in, Outputs: []string{out}, Attrs: attrs}
	}
	m := &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 17}}, Graph: &onnx.Graph{
		Name: "units",
		Inputs: []*onnx.Value{{Name: "x", DType: onnx.Float32, HasShape: true,
			Shape: []onnx.Dim{{Param: "n"}, {Value: 4}, {Value: 3}, {Value: 3}}}},
		Outputs: []*onnx.Value{{Name: "y", DType: onnx.Float32}},
		Initializers: []*onnx.Tensor{
			w("conv", 6, 2, 3, 3), w("conv.bias", 6), w("rows", 5, 6), w("columns", 5, 7), w("matmul", 7, 8), w("turned", 9, 8), w("back", 9, 10), w("scale", 1, 10),
		},
		Nodes: []*onnx.Node{
			node("Conv", "c", []string{"x", "conv", "conv.bias"}, onnx.IntAttr("group", 2)),
			node("Flatten", "f", []string{"c"}),
			node("Gemm", "g1", []string{"f", "rows"}, onnx.IntAttr("transB", 1)),
			node("Gemm", "g2", []string{"g1", "columns"}),
			node("MatMul", "m1", []string{"g2", "matmul"}),
			node("Transpose", "turnedT", []string{"turned"}, onnx.IntsAttr("perm", 1, 0)),
			node("Identity", "turnedI", []string{"turnedT"}),
			node("MatMul", "m2", []string{"m1", "turnedI"}),
			node("Transpose", "backT", []string{"back"}, onnx.IntsAttr("perm", 1, 0)),
			node("Gemm", "m3", []string{"m2", "backT"}, onnx.IntAttr("transB", 1)),
			node("Mul", "y", []string{"m3", "scale"}),
		},
	}}
	g, err := Import(m, "units.onnx")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Units{
		"conv": {6, 18, 1}, "rows": {5, 6, 1}, "columns": {1, 5, 7}, "matmul": {1, 7, 8}, "turned": {9, 8, 1}, "back": {1, 9, 10},
		"conv.bias": {}, "scale": {},
	}
	for i, u := range g.Units() {
		name := g.Params[i].Name
		if u != want[name] {
			t.Errorf("%s %v has units %v, want %v", name, g.Params[i].Dims, u, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not among the parameters: %v", want)
	}
}
