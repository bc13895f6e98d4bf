package student

import (
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// DropSoftmax makes m give logits where it gives their softmax: what goes into
// a Softmax over the last of two axes that is the only output's last node
// becomes the output, under the output's name. It tells whether there was one.
// m is changed.
func DropSoftmax(m *onnx.Model) bool {
	return dropLast(m, func(n *onnx.Node) bool {
		axis := n.AttrInt("axis", 1)
		return n.OpType == "Softmax" && (axis == 1 || axis == -1)
	})
}

// DropSigmoid is DropSoftmax of a Sigmoid, for a model of labels that are each
// yes or no.
func DropSigmoid(m *onnx.Model) bool {
	return dropLast(m, func(n *onnx.Node) bool { return n.OpType == "Sigmoid" })
}

// dropLast takes the only output's last node off if it is one.
func dropLast(m *onnx.Model, is func(n *onnx.Node) bool) bool {
	g := m.Graph
	if len(g.Outputs) != 1 {
		return false
	}
	out := g.Outputs[0]
	by := func(name string) int {
		return slices.IndexFunc(g.Nodes, func(n *onnx.Node) bool { return slices.Contains(n.Outputs, name) })
	}
	last := by(out.Name)
	if last < 0 || out.HasShape && len(out.Shape) != 2 {
		return false
	}
	n := g.Nodes[last]
	if !is(n) || n.Domain != "" && n.Domain != "ai.onnx" || len(n.Inputs) != 1 {
		return false
	}
	logits := n.Inputs[0]
	if by(logits) < 0 {
		return false
	}
	used := slices.ContainsFunc(g.Nodes, func(o *onnx.Node) bool { return slices.Contains(o.Inputs, out.Name) })
	if used {
		return false
	}
	g.Nodes = slices.Delete(g.Nodes, last, last+1)
	for _, o := range g.Nodes {
		for _, names := range [][]string{o.Inputs, o.Outputs} {
			for i := range names {
				if names[i] == logits {
					names[i] = out.Name
				}
			}
		}
	}
	return true
}
