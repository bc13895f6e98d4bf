package hostile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// goodTeacher is x (N, 4) → scores (N, 3): one matrix product and a bias.
func goodTeacher() *onnx.Model {
	return teacher(func(g *onnx.Graph) {
		g.Nodes = []*onnx.Node{
			{Name: "product", OpType: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"h"}},
			{Name: "bias", OpType: "Add", Inputs: []string{"h", "b"}, Outputs: []string{"scores"}},
		}
	})
}

// teacher is the good teacher with its graph changed.
func teacher(change func(g *onnx.Graph)) *onnx.Model {
	rng := rand.New(rand.NewPCG(1, 2))
	weights := make([]float32, 12)
	for i := range weights {
		weights[i] = float32(rng.NormFloat64())
	}
	g := &onnx.Graph{
		Name:         "teacher",
		Inputs:       []*onnx.Value{rowsOf("x", 4)},
		Outputs:      []*onnx.Value{rowsOf("scores", 3)},
		Initializers: []*onnx.Tensor{onnx.FloatTensor("w", []int64{4, 3}, weights), onnx.FloatTensor("b", []int64{3}, []float32{0.1, -0.2, 0.3})},
	}
	change(g)
	return &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 17}, {Domain: "ai.onnx.ml", Version: 3}}, Graph: g}
}

// rowsOf is a float32 value of shape (N, n).
func rowsOf(name string, n int64) *onnx.Value {
	return &onnx.Value{Name: name, Kind: onnx.KindTensor, DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Value: -1, Param: "N"}, {Value: n}}}
}

// then is the good teacher with one more node, from "scores" to the output "y",
// a float32 tensor of any shape.
func then(op string, attrs ...*onnx.Attr) *onnx.Model {
	m := goodTeacher()
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "last", OpType: op, Inputs: []string{"scores"}, Outputs: []string{"y"}, Attrs: attrs})
	m.Graph.Outputs = []*onnx.Value{{Name: "y", Kind: onnx.KindTensor, DType: onnx.Float32}}
	return m
}

// rowsCSV is n rows of four features and a label of three classes.
func rowsCSV(n int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	b.WriteString("a,b,c,d,label\n")
	for i := range n {
		for range 4 {
			fmt.Fprintf(&b, "%.3f,", rng.NormFloat64())
		}
		fmt.Fprintf(&b, "%c\n", 'x'+i%3)
	}
	return []byte(b.String())
}

// baseline is the peak memory of a good inspect, in KiB; runningBaseline that
// of one that runs the model.
var (
	baseline        = measured("inspect " + goodModel)
	runningBaseline = measured("inspect " + goodModel + " --data " + goodRows)
)

func measured(args string) func() int64 {
	return sync.OnceValue(func() (peak int64) {
		for range 3 {
			d := folder(must(tempDir()))
			prepare(d)
			o := must(start(string(d), hangs, nil, append([]string{program}, strings.Fields(args)...)...))
			if o.Code != 0 {
				panic("a good run failed: " + o.stderr)
			}
			peak = max(peak, o.PeakKiB)
		}
		return peak
	})
}

// TestGood holds that what the cases break is good, with every command that
// they use.
func TestGood(t *testing.T) {
	for _, args := range []string{
		"inspect good.onnx", "inspect good.onnx --data rows.csv", "targets --teacher good.onnx --data rows.csv -o out/store",
		"eval --model good.onnx --data rows.csv", "predict --model good.onnx --data rows.csv --engine native -o out/p.csv",
		"distill --teacher good.onnx --train rows.csv --student linear --epochs 1 --no-baseline -o out/s.onnx",
		"distill --teacher good.onnx --train rows.csv --student good.onnx --epochs 1 --no-baseline -o out/s.onnx",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			row{id: "good", args: args, exit: []int{0}, runs: true, writes: true, peak: 256}.run(t)
		})
	}
}
