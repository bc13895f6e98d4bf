package graph

import "github.com/kdonnx/kdonnx/runtime/onnx"

// live lists the nodes that an output depends on, in topological order.
func (im *importer) live(src *onnx.Graph) ([]*onnx.Node, error) {
	producer := map[string]int{}
	for i, n := range src.Nodes {
		for _, out := range n.Outputs {
			if out == "" {
				continue
			}
			if j, twice := producer[out]; twice {
				return nil, im.fail(nodeField(src.Nodes[i]), "produces %q, which %s produces too", out, nodeField(src.Nodes[j]))
			}
			producer[out] = i
		}
	}
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, len(src.Nodes))
	var order []*onnx.Node
	type frame struct{ node, input int }
	for _, o := range src.Outputs {
		i, ok := producer[o.Name]
		if !ok || state[i] == done {
			continue
		}
		stack := []frame{{i, 0}}
		state[i] = open
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			n := src.Nodes[f.node]
			if f.input == len(n.Inputs) {
				state[f.node] = done
				order = append(order, n)
				stack = stack[:len(stack)-1]
				continue
			}
			j, ok := producer[n.Inputs[f.input]]
			f.input++
			if !ok || state[j] == done {
				continue
			}
			if state[j] == open {
				return nil, im.fail(nodeField(n), "is part of a cycle through %s", nodeField(src.Nodes[j]))
			}
			state[j] = open
			stack = append(stack, frame{j, 0})
		}
	}
	return fileOrder(src, order, producer), nil
}

// fileOrder prefers the order of the file where that is topological, as the
// specification wants it to be.
func fileOrder(src *onnx.Graph, live []*onnx.Node, producer map[string]int) []*onnx.Node {
	kept := make(map[*onnx.Node]bool, len(live))
	for _, n := range live {
		kept[n] = true
	}
	order := make([]*onnx.Node, 0, len(live))
	for i, n := range src.Nodes {
		if !kept[n] {
			continue
		}
		for _, in := range n.Inputs {
			if j, ok := producer[in]; ok && j >= i {
				return live
			}
		}
		order = append(order, n)
	}
	return order
}
