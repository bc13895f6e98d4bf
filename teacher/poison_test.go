package teacher

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// trapModel is greyModel of raw rows that loops on without end when a value of
// the input is above 1000, doubling a tensor each time when it grows.
func trapModel(t *testing.T, grows bool) *onnx.Model {
	t.Helper()
	m := greyModel(free, 255, "LogSoftmax")
	node := func(op, out string, in ...string) *onnx.Node {
		return &onnx.Node{OpType: op, Inputs: in, Outputs: []string{out}}
	}
	scalar := func(name string, d onnx.DType) *onnx.Value {
		return &onnx.Value{Name: name, DType: d, HasShape: true}
	}
	step := node("Identity", "after", "before")
	if grows {
		step = node("Concat", "after", "before", "before")
		step.Attrs = []*onnx.Attr{{Name: "axis", Type: onnx.AttrInt, I: 0}}
	}
	body := &onnx.Graph{
		Name:  "body",
		Nodes: []*onnx.Node{node("Identity", "on", "go"), step},
		Inputs: []*onnx.Value{scalar("i", onnx.Int64), scalar("go", onnx.Bool),
			{Name: "before", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Value: -1, Param: "n"}}}},
		Outputs: []*onnx.Value{scalar("on", onnx.Bool),
			{Name: "after", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Value: -1, Param: "m"}}}},
	}
	loop := &onnx.Node{OpType: "Loop", Inputs: []string{"trips", "", "seed"}, Outputs: []string{"grown"},
		Attrs: []*onnx.Attr{{Name: "body", Type: onnx.AttrGraph, G: body}}}
	top := node("ReduceMax", "top", "image")
	top.Attrs = []*onnx.Attr{{Name: "keepdims", Type: onnx.AttrInt, I: 0}}
	all := node("ReduceMax", "one", "grown")
	all.Attrs = top.Attrs
	toInt := node("Cast", "flag", "trap")
	toInt.Attrs = []*onnx.Attr{{Name: "to", Type: onnx.AttrInt, I: int64(onnx.Int64)}}
	g := m.Graph
	last := g.Nodes[len(g.Nodes)-1]
	last.Outputs = []string{"said"}
	g.Nodes = append(g.Nodes, top, node("Greater", "trap", "top", "limit"), toInt, node("Mul", "trips", "flag", "ages"), loop, all,
		node("Add", g.Outputs[0].Name, "said", "one"))
	g.Initializers = append(g.Initializers,
		onnx.FloatTensor("limit", nil, []float32{1000}), onnx.FloatTensor("seed", []int64{1 << 16}, make([]float32, 1<<16)),
		&onnx.Tensor{Name: "ages", DType: onnx.Int64, Data: []byte{0, 0, 0, 0, 0, 0, 0, 0x40}})
	return m
}

// TestTraps fills a store from rows of which some make the model hang or eat
// memory without bound: the rows are named, and everything before is kept.
func TestTraps(t *testing.T) {
	needLibrary(t)
	ctx := context.Background()
	clean := greys(300, 1)
	bad := greys(300, 1)
	for _, r := range []int{141, 150} {
		bad.x[r*side*side] = 2000
	}
	for _, grows := range []bool{false, true} {
		t.Run(fmt.Sprintf("grows %v", grows), func(t *testing.T) {
			o := Options{Input: "raw", Batch: 16, Timeout: 250 * time.Millisecond}
			words := []string{"no answer after 250ms"}
			if grows {
				o.Timeout, o.MemoryLimit = time.Minute, 200<<20
				words = []string{"passed the limit of 200 MiB"}
			}
			x, err := Open(ctx, writeModel(t, trapModel(t, grows)), o)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			detect(t, x, clean)
			dir := filepath.Join(t.TempDir(), "s")
			_, err = x.Fill(ctx, bad, dir, FillOptions{ShardRows: 128})
			for _, r := range []int{141, 150} {
				words = append(words, fmt.Sprintf("row %d (%v)", r, dataset.IDOf(bad.x[r*side*side:(r+1)*side*side])))
			}
			faulttest.Want(t, err, fault.Teacher, append(words, "of shard 1): ", "end the teacher process each time")...)
			if strings.Contains(err.Error(), "perhaps") || strings.Count(err.Error(), "row ") != 2 {
				t.Errorf("not just these rows: %v", err)
			}
			if got := files(t, dir); got["targets-00000.json"] == "" || got["targets-00001.json"] != "" {
				t.Error("shard 0 was not kept, or shard 1 was written")
			}
			if s := x.Stats(); s.Restarts < 4 || s.Peak < 1<<20 || s.Peak > 2<<30 {
				t.Errorf("%+v", s)
			}
			// Without them the same process goes on.
			good := filepath.Join(t.TempDir(), "good")
			s, err := x.Fill(ctx, clean, good, FillOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			z := make([]float32, kind)
			id := dataset.IDOf(clean.x[:side*side])
			if err := s.Lookup([]dataset.RowID{id}, z); err != nil || math.IsNaN(float64(z[0])) {
				t.Errorf("%v %v", z, err)
			}
		})
	}
}
