package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// What the houses' numbers and labels are made of: a column of weights each,
// over rooms, age and garden, and what is added.
var (
	houseColumns = []string{"rooms", "age", "garden"}
	housePrice   = [][]float64{{30, -2, 0.5, 120}}
	houseTags    = [][]float64{{1.5, 0, -0.02, -4}, {0, 0.3, 0, -6}, {0, -0.1, 0.06, -1}, {-1, 0.05, 0.02, 2}, {0.4, -0.2, 0, 1}}
	tagNames     = []string{"large", "old", "green", "cosy", "modern"}
)

// makeTaskProblem puts houses.csv with prices.onnx, and tags.csv with tags.onnx,
// into dir, each with rows to judge by: a linear regressor, and a classifier of
// five labels that gives probabilities.
func makeTaskProblem(dir string) error {
	for _, p := range []struct {
		name, model string
		weights     [][]float64
		targets     []string
		sigmoid     bool
	}{{"houses", "prices.onnx", housePrice, []string{"price"}, false}, {"tags", "tags.onnx", houseTags, tagNames, true}} {
		if err := linearModel(filepath.Join(dir, p.model), p.weights, p.sigmoid); err != nil {
			return err
		}
		for i, suffix := range []string{".csv", "-test.csv"} {
			rows := houseCSV(400-200*i, uint64(i), p.weights, p.targets, p.sigmoid)
			if err := os.WriteFile(filepath.Join(dir, p.name+suffix), []byte(rows), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// houseCSV draws n houses: a number is the model's with noise, a label is drawn
// with the model's probability.
func houseCSV(n int, seed uint64, weights [][]float64, targets []string, labels bool) string {
	rng := rand.New(rand.NewPCG(seed, 11))
	var b strings.Builder
	b.WriteString(strings.Join(append(append([]string{}, houseColumns...), targets...), ",") + "\n")
	for range n {
		x := []float64{1 + float64(rng.IntN(8)), float64(rng.IntN(60)), float64(rng.IntN(100)), 1}
		fmt.Fprintf(&b, "%v,%v,%v", x[0], x[1], x[2])
		for _, w := range weights {
			z := 0.0
			for i := range w {
				z += w[i] * x[i]
			}
			switch {
			case !labels:
				fmt.Fprintf(&b, ",%.2f", z+5*rng.NormFloat64())
			case rng.Float64() < 1/(1+math.Exp(-z)):
				b.WriteString(",1")
			default:
				b.WriteString(",0")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// linearModel writes x·W + b, and its sigmoid if asked for.
func linearModel(path string, weights [][]float64, sigmoid bool) error {
	features, k := len(houseColumns), len(weights)
	w, bias := make([]float32, features*k), make([]float32, k)
	for c, column := range weights {
		for f := range features {
			w[f*k+c] = float32(column[f])
		}
		bias[c] = float32(column[features])
	}
	value := func(name string, width int) *onnx.Value {
		return &onnx.Value{Name: name, DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Param: "n"}, {Value: int64(width)}}}
	}
	g := &onnx.Graph{Name: "linear", Inputs: []*onnx.Value{value("house", features)}, Outputs: []*onnx.Value{value("y", k)},
		Initializers: []*onnx.Tensor{onnx.FloatTensor("w", []int64{int64(features), int64(k)}, w), onnx.FloatTensor("b", []int64{int64(k)}, bias)},
		Nodes:        []*onnx.Node{{Name: "y", OpType: "Gemm", Inputs: []string{"house", "w", "b"}, Outputs: []string{"y"}}}}
	if sigmoid {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: "p", OpType: "Sigmoid", Inputs: []string{"y"}, Outputs: []string{"p"}})
		g.Outputs[0].Name = "p"
	}
	data, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 17}}, Graph: g})
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
