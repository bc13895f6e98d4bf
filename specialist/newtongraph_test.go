package specialist

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// TestSolvedRowStays solves rows that need one step beside one that needs many, in
// ONNX Runtime, and requires of each the bits that it has alone. A row is done when
// it is near enough, and further steps would still move it: without the freeze its
// answer would depend on what is in the batch.
func TestSolvedRowStays(t *testing.T) {
	const classes, slots = 4, 2
	in := func(g *onnx.Graph, name string, dims ...int64) string {
		v := &onnx.Value{Name: name, Kind: onnx.KindTensor, DType: onnx.Float64, HasShape: true, Shape: []onnx.Dim{{Param: "N"}}}
		for _, d := range dims {
			v.Shape = append(v.Shape, onnx.Dim{Value: d})
		}
		g.Inputs = append(g.Inputs, v)
		return name
	}
	b := newBlock("fuse/", 13)
	p := pull{slots: slots}
	p.a, p.total = in(b.g, "a", 1, classes), in(b.g, "total", 1, 1)
	p.held, p.mass, p.empty = in(b.g, "held", slots, classes), in(b.g, "mass", slots, 1), in(b.g, "empty", slots, 1)
	b.gives(b.solved(p))
	data, err := onnx.Marshal(&onnx.Model{IRVersion: 7, Opsets: []onnx.Opset{{Version: 13}}, Graph: b.g})
	if err != nil {
		t.Fatal(err)
	}
	session, err := ort.OpenBytes("solved", data, ort.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()

	type row struct{ a, total, held, mass, empty []float64 }
	rows := []row{
		{[]float64{0.6, 0.5, 0.4, 0.2}, []float64{2}, []float64{0, 0, 1, 1, 0, 0, 0, 0}, []float64{0.3, 0}, []float64{0, 1}},
		{[]float64{0.7, 0.8, 0.5, 0.3}, []float64{3}, []float64{0, 0, 1, 1, 0, 1, 0, 1}, []float64{0.4, 0.3}, []float64{0, 0}},
		{[]float64{1.2, 0.35, 0.25, 0.4}, []float64{3}, []float64{0, 0, 1, 1, 0, 1, 0, 1}, []float64{0.5, 0.3}, []float64{0, 0}},
		{[]float64{1, 1e-30, 1e-30, 1e-30}, []float64{3}, []float64{0, 0, 1, 1, 0, 1, 0, 1}, []float64{1, 1}, []float64{0, 0}},
		{[]float64{1, 1e-8, 1e-8, 1e-8}, []float64{3}, []float64{0, 0, 1, 1, 0, 1, 0, 1}, []float64{1, 1 - 1e-8}, []float64{0, 0}},
	}
	solve := func(rows ...row) []byte {
		var v [5][]float64
		for _, r := range rows {
			for i, part := range [][]float64{r.a, r.total, r.held, r.mass, r.empty} {
				v[i] = append(v[i], part...)
			}
		}
		var values []ort.Value
		for i, dims := range [][]int64{{1, classes}, {1, 1}, {slots, classes}, {slots, 1}, {slots, 1}} {
			var data []byte
			for _, x := range v[i] {
				data = binary.LittleEndian.AppendUint64(data, math.Float64bits(x))
			}
			values = append(values, ort.Value{DType: onnx.Float64, Shape: append([]int64{int64(len(rows))}, dims...), Data: data})
		}
		out, err := session.Run(t.Context(), values)
		if err != nil {
			t.Fatal(err)
		}
		return out[0].Data
	}
	together := solve(rows...)
	for i, r := range rows {
		if alone, beside := solve(r), together[i*8*classes:(i+1)*8*classes]; !bytes.Equal(alone, beside) {
			t.Errorf("row %d is %x alone, %x beside the others", i, alone, beside)
		}
	}
}
