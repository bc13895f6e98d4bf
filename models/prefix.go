package models

import (
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// Prefix gives a model of one input what every student of the zoo begins
// with: the input in's name, and its normalisation as frozen constants before
// what took the input. m is changed.
func Prefix(m *onnx.Model, in Input) error {
	b, err := newBuilder(in, 0)
	if err != nil {
		return err
	}
	g := m.Graph
	taken := valueNames(g)
	old := g.Inputs[0].Name
	delete(taken, old)
	if taken[in.Name] {
		return usage("--input-name", "got %q, which is another value of the student, expected a name that is free", in.Name)
	}
	taken[in.Name] = true
	renamed := map[string]string{in.Name: in.Name}
	fresh := func(name *string) {
		if renamed[*name] == "" {
			to := *name
			for taken[to] {
				to += "_"
			}
			taken[to], renamed[*name] = true, to
		}
		*name = renamed[*name]
	}
	for _, t := range b.g.Initializers {
		fresh(&t.Name)
	}
	for i := range b.frozen {
		fresh(&b.frozen[i])
	}
	for _, n := range b.g.Nodes {
		for i := range n.Inputs {
			fresh(&n.Inputs[i])
		}
		fresh(&n.Outputs[0])
		n.Name = n.Outputs[0]
	}
	fresh(&b.last)
	for _, n := range g.Nodes {
		for i := range n.Inputs {
			if n.Inputs[i] == old {
				n.Inputs[i] = b.last
			}
		}
	}
	g.Inputs = b.g.Inputs
	g.Initializers = append(g.Initializers, b.g.Initializers...)
	g.Nodes = slices.Insert(g.Nodes, 0, b.g.Nodes...)
	if len(b.frozen) > 0 {
		frozen := strings.Join(b.frozen, ",")
		if before, ok := m.Meta(graph.FrozenKey); ok && before != "" {
			frozen = before + "," + frozen
		}
		m.SetMeta(graph.FrozenKey, frozen)
	}
	return nil
}

// valueNames are the names of all values of g, and of its nodes.
func valueNames(g *onnx.Graph) map[string]bool {
	names := map[string]bool{}
	for _, v := range slices.Concat(g.Inputs, g.Outputs) {
		names[v.Name] = true
	}
	for _, t := range g.Initializers {
		names[t.Name] = true
	}
	for _, n := range g.Nodes {
		names[n.Name] = true
		for _, name := range slices.Concat(n.Inputs, n.Outputs) {
			names[name] = true
		}
	}
	return names
}
