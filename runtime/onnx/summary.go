package onnx

import (
	"cmp"
	"slices"
)

// OpCount is how often an operator occurs.
type OpCount struct {
	Domain, OpType string
	Count          int
}

// Stats says what a model is made of.
type Stats struct {
	Ops        []OpCount // most frequent first, then by domain and name
	Nodes      int       // in the graph, its subgraphs and the functions, each function once
	Parameters int64     // elements of the initializers, strings left out
	Bytes      int64     // of all constants and attribute lists, external data included
}

// Summary counts operators, parameters and bytes of a model.
func Summary(m *Model) Stats {
	var s Stats
	count := map[OpCount]int{}
	w := walker{
		node: func(_ *loc, n *Node) error {
			s.Nodes++
			count[OpCount{Domain: plainDomain(n.Domain), OpType: n.OpType}]++
			for _, a := range n.Attrs { // trees keep their nodes in these
				s.Bytes += int64(4*len(a.Floats) + 8*len(a.Ints))
				for _, b := range a.Strings {
					s.Bytes += int64(len(b))
				}
			}
			return nil
		},
		tensor: func(_ *loc, t *Tensor, initializer bool) error {
			n := max(t.NumElements(), 0)
			if initializer && t.DType != String {
				s.Parameters += n
			}
			for _, b := range t.Strings {
				s.Bytes += int64(len(b))
			}
			if t.External != nil {
				s.Bytes += t.External.Length
			} else {
				s.Bytes += int64(len(t.Data))
			}
			return nil
		},
	}
	w.model(&Model{Graph: m.Graph, Functions: m.Functions}) // the callbacks never fail
	for op, n := range count {
		op.Count = n
		s.Ops = append(s.Ops, op)
	}
	slices.SortFunc(s.Ops, func(a, b OpCount) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.OpType, b.OpType))
	})
	return s
}
