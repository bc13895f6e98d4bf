package models

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// AddBias adds bias, one number a class, to the logits of a model of one output
// (N, C): to the bias of the last Gemm or Add where they have one of their own,
// else by an Add node. Where the output is the Softmax or LogSoftmax of the
// logits it stays that. Names and shapes of inputs and outputs stay as they
// are. m is changed.
func AddBias(m *onnx.Model, bias []float32) error {
	g := m.Graph
	if len(g.Outputs) != 1 {
		return fault.New(fault.Input, "", "graph", "has %d outputs, expected one to add a bias to", len(g.Outputs))
	}
	out := g.Outputs[0]
	if len(out.Shape) != 2 || out.Shape[1].Value != int64(len(bias)) {
		return fault.New(fault.Input, "", "output "+out.Name, "has shape %v, expected (N, %d) to add a bias to", out.Shape, len(bias))
	}
	if out.DType != onnx.Float32 {
		return fault.New(fault.Input, "", "output "+out.Name, "is of %s, expected float32", out.DType)
	}
	for k, v := range bias {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fault.New(fault.Input, "", "output "+out.Name, "bias of class %d is %v, expected a finite number", k, v)
		}
	}
	logits, softmax := out.Name, -1
	if at := producer(g, logits); at >= 0 && isSoftmax(g.Nodes[at]) {
		softmax, logits = at, g.Nodes[at].Inputs[0]
	}
	if foldBias(g, logits, softmax >= 0, bias) {
		return nil
	}
	appendBias(g, logits, softmax, bias)
	return nil
}

// producer is the position of the node that makes a value, −1 of none.
func producer(g *onnx.Graph, value string) int {
	return slices.IndexFunc(g.Nodes, func(n *onnx.Node) bool { return slices.Contains(n.Outputs, value) })
}

// isSoftmax tells a softmax over the second of two axes, or its logarithm.
func isSoftmax(n *onnx.Node) bool {
	axis := n.AttrInt("axis", 1)
	return plain(n) && (n.OpType == "Softmax" || n.OpType == "LogSoftmax") && (axis == 1 || axis == -1) && len(n.Inputs) == 1
}

func plain(n *onnx.Node) bool { return n.Domain == "" || n.Domain == "ai.onnx" }

// uses counts the nodes' inputs that are a value.
func uses(g *onnx.Graph, value string) (n int) {
	for _, node := range g.Nodes {
		for _, in := range node.Inputs {
			if in == value {
				n++
			}
		}
	}
	return n
}

// foldBias adds bias to the constant that the node behind the logits adds, and
// tells whether it could: nothing else may see constant or logits.
func foldBias(g *onnx.Graph, logits string, inner bool, bias []float32) bool {
	seen := 0
	if inner { // by the softmax
		seen = 1
	}
	at := producer(g, logits)
	if at < 0 || uses(g, logits) != seen {
		return false
	}
	n := g.Nodes[at]
	var terms []string
	switch {
	case !plain(n):
	case n.OpType == "Gemm" && len(n.Inputs) == 3 && n.AttrFloat("beta", 1) == 1:
		terms = n.Inputs[2:]
	case n.OpType == "Add":
		terms = n.Inputs
	}
	for _, name := range terms {
		t := g.Initializer(name)
		if t == nil || t.DType != onnx.Float32 || uses(g, name) != 1 || len(t.Data) != 4*len(bias) ||
			len(t.Dims) == 0 || t.Dims[len(t.Dims)-1] != int64(len(bias)) {
			continue
		}
		for k, v := range bias {
			had := math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*k:]))
			binary.LittleEndian.PutUint32(t.Data[4*k:], math.Float32bits(had+v))
		}
		return true
	}
	return false
}

// appendBias adds bias by a node of its own: before the softmax at that
// position, or with −1 as the last node.
func appendBias(g *onnx.Graph, logits string, softmax int, bias []float32) {
	taken := valueNames(g)
	free := func(name string) string {
		for taken[name] {
			name += "_"
		}
		taken[name] = true
		return name
	}
	constant, node := free("recalibration_bias"), free("recalibration")
	g.Initializers = append(g.Initializers, onnx.FloatTensor(constant, []int64{1, int64(len(bias))}, bias))
	add := &onnx.Node{Name: node, OpType: "Add", Outputs: []string{free("recalibrated")}}
	if softmax >= 0 {
		add.Inputs = []string{logits, constant}
		g.Nodes[softmax].Inputs[0] = add.Outputs[0]
		g.Nodes = slices.Insert(g.Nodes, softmax, add)
		return
	}
	before := free("logits_before")
	for _, n := range g.Nodes {
		for _, names := range [][]string{n.Inputs, n.Outputs} {
			for i := range names {
				if names[i] == logits {
					names[i] = before
				}
			}
		}
	}
	add.Inputs, add.Outputs = []string{before, constant}, []string{logits}
	g.Nodes = append(g.Nodes, add)
}

// EndsInSoftmax tells whether the only output of m is the Softmax or LogSoftmax
// of the logits, (N, C).
func EndsInSoftmax(m *onnx.Model) bool {
	at := -1
	if len(m.Graph.Outputs) == 1 {
		at = producer(m.Graph, m.Graph.Outputs[0].Name)
	}
	return at >= 0 && isSoftmax(m.Graph.Nodes[at])
}
