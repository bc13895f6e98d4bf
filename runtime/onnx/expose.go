package onnx

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Expose gives the file of the model in data with the named values of its main
// graph as further outputs, after those it has. The type of such an output is
// left for the reader to infer. Nothing else changes: the bytes of the model
// come first as they were, and what follows is one more part of its graph,
// which a reader of protobuf joins to the first. External data still lies
// where the model says, beside the file that data came from.
func Expose(data []byte, values []string) []byte {
	const modelGraph, graphOutput, valueName = 7, 12, 1
	var graph []byte
	for _, name := range values {
		value := protowire.AppendString(protowire.AppendTag(nil, valueName, protowire.BytesType), name)
		graph = protowire.AppendBytes(protowire.AppendTag(graph, graphOutput, protowire.BytesType), value)
	}
	return protowire.AppendBytes(protowire.AppendTag(slices.Clip(data), modelGraph, protowire.BytesType), graph)
}

// Inner is a value that a node of the main graph makes.
type Inner struct {
	Value      *Value // its name, and its type where the file gives it
	Op, Domain string // of the node
	Output     bool   // whether it is an output of the graph
}

// Inners lists the values that the nodes of g make, in the order of the nodes.
func (g *Graph) Inners() []Inner {
	typed := make(map[string]*Value, len(g.ValueInfo)+len(g.Outputs))
	for _, v := range g.ValueInfo {
		typed[v.Name] = v
	}
	outputs := make(map[string]bool, len(g.Outputs))
	for _, v := range g.Outputs {
		typed[v.Name], outputs[v.Name] = v, true
	}
	var all []Inner
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			if name == "" {
				continue
			}
			v := typed[name]
			if v == nil {
				v = &Value{Name: name, Kind: KindUnknown}
			}
			all = append(all, Inner{v, n.OpType, plainDomain(n.Domain), outputs[name]})
		}
	}
	return all
}
