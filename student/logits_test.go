package student

import (
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// TestDropSoftmax takes a last Softmax off, and nothing else.
func TestDropSoftmax(t *testing.T) {
	// ended is netModel whose output "logits" comes from nodes at its end, each
	// "Op in out"; the head gives "z".
	ended := func(attrs []*onnx.Attr, nodes ...string) *onnx.Model {
		m := netModel()
		m.Graph.Nodes[len(m.Graph.Nodes)-1].Outputs[0] = "z"
		for _, n := range nodes {
			f := strings.Fields(n)
			m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: f[0], Inputs: f[1 : len(f)-1], Outputs: f[len(f)-1:], Attrs: attrs})
		}
		return m
	}
	last, first := []*onnx.Attr{onnx.IntAttr("axis", -1)}, []*onnx.Attr{onnx.IntAttr("axis", 0)}
	for _, c := range []struct {
		name string
		m    *onnx.Model
		want bool
	}{
		{"last axis", ended(last, "Softmax z logits"), true},
		{"default axis", ended(nil, "Softmax z logits"), true},
		{"no softmax", netModel(), false},
		{"logarithms", ended(last, "LogSoftmax z logits"), false},
		{"over rows", ended(first, "Softmax z logits"), false},
		{"in the middle", ended(last, "Softmax z p", "Identity p logits"), false},
		{"of the input", &onnx.Model{Graph: &onnx.Graph{Outputs: []*onnx.Value{{Name: "y"}}, Nodes: []*onnx.Node{{OpType: "Softmax", Inputs: []string{"x"}, Outputs: []string{"y"}}}}}, false},
		{"read further", ended(last, "Softmax z logits", "Identity logits more"), false},
	} {
		nodes := len(c.m.Graph.Nodes)
		if DropSigmoid(c.m) {
			t.Errorf("%s: a Sigmoid was dropped", c.name)
		}
		if got := DropSoftmax(c.m); got != c.want {
			t.Errorf("%s: dropped is %v", c.name, got)
		}
		if got := nodes - len(c.m.Graph.Nodes); (got == 1) != c.want || got > 1 {
			t.Errorf("%s: %d nodes are gone", c.name, got)
		}
		if c.want && !slices.Equal(modelBytes(t, mustStudent(t, c.m)), modelBytes(t, newStudent(t))) {
			t.Errorf("%s: what is left is not the net without Softmax", c.name)
		}
	}
}

// TestDropSigmoid takes a last Sigmoid off, and no other.
func TestDropSigmoid(t *testing.T) {
	m := netModel()
	m.Graph.Nodes[len(m.Graph.Nodes)-1].Outputs[0] = "z"
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: "Sigmoid", Inputs: []string{"z"}, Outputs: []string{"logits"}})
	if DropSoftmax(m) || !DropSigmoid(m) || DropSigmoid(m) {
		t.Error("the Sigmoid is not dropped once")
	}
	if !slices.Equal(modelBytes(t, mustStudent(t, m)), modelBytes(t, newStudent(t))) {
		t.Error("what is left is not the net without Sigmoid")
	}
}

func mustStudent(t *testing.T, m *onnx.Model) *Student {
	t.Helper()
	s, err := FromModel(m, "net.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
