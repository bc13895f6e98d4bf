package models

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// endings are models whose logits a bias is added to, by what they end in.
func endings(t *testing.T) map[string]*onnx.Model {
	build := func() *onnx.Model {
		m, err := Build("mlp:5", Input{Name: "x", Shape: []int{3}}, 4, 1)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	all := map[string]*onnx.Model{"a Gemm with a bias": build()}
	last := func(m *onnx.Model) *onnx.Node { return m.Graph.Nodes[len(m.Graph.Nodes)-1] }

	m := build() // no bias to fold into
	last(m).Inputs = last(m).Inputs[:2]
	all["a Gemm without a bias"] = m

	m = build()
	last(m).Attrs = append(slices.DeleteFunc(last(m).Attrs, func(a *onnx.Attr) bool { return a.Name == "beta" }), onnx.FloatAttr("beta", 0.5))
	all["a Gemm with half its bias"] = m

	m = build() // the same constant twice: what is added to it would come twice
	add := &onnx.Node{OpType: "Add", Inputs: []string{"inner", last(m).Inputs[2]}, Outputs: []string{m.Graph.Outputs[0].Name}}
	last(m).Outputs[0] = "inner"
	m.Graph.Nodes = append(m.Graph.Nodes, add)
	all["a shared bias"] = m

	m = build()
	own := onnx.FloatTensor("own", []int64{1, 4}, []float32{1, 2, 3, 4})
	m.Graph.Initializers = append(m.Graph.Initializers, own)
	add = &onnx.Node{OpType: "Add", Inputs: []string{"own", "inner"}, Outputs: []string{m.Graph.Outputs[0].Name}}
	last(m).Outputs[0] = "inner"
	m.Graph.Nodes = append(m.Graph.Nodes, add)
	all["an Add"] = m

	m = build() // the same number of values, along the other axis
	m.Graph.Initializers = append(m.Graph.Initializers, onnx.FloatTensor("recalibration_bias", []int64{1}, []float32{2}))
	add = &onnx.Node{OpType: "Mul", Inputs: []string{"recalibration_bias", "inner"}, Outputs: []string{m.Graph.Outputs[0].Name}}
	last(m).Outputs[0] = "inner"
	m.Graph.Nodes = append(m.Graph.Nodes, add)
	all["a Mul, and a constant of that name"] = m

	for _, op := range []string{"Softmax", "LogSoftmax"} {
		m = build()
		last(m).Outputs[0] = "inner"
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: op, Inputs: []string{"inner"}, Outputs: []string{m.Graph.Outputs[0].Name}, Attrs: []*onnx.Attr{onnx.IntAttr("axis", -1)}})
		all[op] = m
	}
	m = build() // a node of its own before the softmax
	last(m).Outputs[0], last(m).Inputs = "inner", last(m).Inputs[:2]
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: "Softmax", Inputs: []string{"inner"}, Outputs: []string{m.Graph.Outputs[0].Name}, Attrs: []*onnx.Attr{onnx.IntAttr("axis", 1)}})
	all["Softmax without a bias"] = m
	return all
}

// TestAddBias holds the outputs of a model with a bias against those before,
// plus the bias, and their softmax where the model gives that.
func TestAddBias(t *testing.T) {
	ctx, bias := context.Background(), []float32{0, -3, 0.5, 7}
	x := []float32{1, 2, 3, -1, 0, 5}
	for name, m := range endings(t) {
		before, err := student.FromModel(m, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		z, got := make([]float32, 8), make([]float32, 8)
		if err := before.Predict(ctx, x, 2, z); err != nil {
			t.Fatal(err)
		}
		nodes := len(m.Graph.Nodes)
		if err := AddBias(m, bias); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		folds := name == "a Gemm with a bias" || name == "an Add" || name == "Softmax" || name == "LogSoftmax"
		if grew := len(m.Graph.Nodes) - nodes; grew == 0 != folds {
			t.Errorf("%s: %d nodes were added", name, grew)
		}
		after, err := student.FromModel(m, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := after.Predict(ctx, x, 2, got); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			want := make([]float64, 4)
			var sum float64
			for k := range want {
				want[k] = float64(z[4*i+k])
				if strings.HasPrefix(name, "Softmax") {
					want[k] = math.Log(want[k])
				}
				want[k] += float64(bias[k])
				sum += math.Exp(want[k])
			}
			for k, w := range want {
				switch name {
				case "Softmax", "Softmax without a bias":
					w = math.Exp(w) / sum
				case "LogSoftmax":
					w -= math.Log(sum)
				}
				if math.Abs(float64(got[4*i+k])-w) > 1e-5 {
					t.Errorf("%s: row %d, class %d is %v, expected %v", name, i, k, got[4*i+k], w)
				}
			}
		}
		if after.OutputName() != before.OutputName() {
			t.Errorf("%s: the output is called %q, it was %q", name, after.OutputName(), before.OutputName())
		}
	}
	m := endings(t)["an Add"]
	for _, wrong := range [][]float32{{1}, nil, {1, 2, 3, float32(math.NaN())}, {1, 2, 3, float32(math.Inf(-1))}} {
		if err := AddBias(m, wrong); fault.KindOf(err) != fault.Input {
			t.Errorf("bias %v: %v", wrong, err)
		}
	}
}
