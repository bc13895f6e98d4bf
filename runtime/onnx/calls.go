package onnx

import (
	"math"
	"strings"
)

// funcID is what a node names a model-local function by.
type funcID struct{ domain, name, overload string }

func (id funcID) String() string {
	s := id.name
	if id.domain != "" {
		s = id.domain + ":" + s
	}
	if id.overload != "" {
		s += ":" + id.overload
	}
	return s
}

func (f *Function) id() funcID { return funcID{plainDomain(f.Domain), f.Name, f.Overload} }

func callee(n *Node) funcID { return funcID{plainDomain(n.Domain), n.OpType, n.Overload} }

// calls follows the calls between functions: they must end, not go too deep,
// and not multiply, since ONNX Runtime copies a function into each caller.
func (c *checker) calls(m *Model) error {
	if len(m.Functions) == 0 {
		return nil
	}
	t := &callTree{checker: c, m: m, size: make([]int64, len(m.Functions)), depth: make([]int, len(m.Functions))}
	for i := range m.Functions {
		if err := t.enter(i); err != nil {
			return err
		}
	}
	total, _, err := t.nodes(m.Graph.Nodes)
	if err != nil {
		return err
	}
	if total > c.lim.Nodes {
		return (&loc{}).in("graph").bad("with every function call written out it has %d nodes, limit %d", total, c.lim.Nodes)
	}
	return nil
}

// callTree measures functions, each once.
type callTree struct {
	*checker
	m     *Model
	size  []int64 // nodes of each function with its calls written out; 0 when not measured yet
	depth []int   // functions in the longest chain of calls from each
	path  []int   // functions being measured, outermost first
}

// enter measures function i and those it calls.
func (t *callTree) enter(i int) error {
	at := (&loc{}).at("functions", i, t.m.Functions[i].Name)
	for k, j := range t.path {
		if i == j {
			var names []string
			for _, j := range append(t.path[k:], i) {
				names = append(names, t.m.Functions[j].id().String())
			}
			return at.bad("calls itself: %s", strings.Join(names, " calls "))
		}
	}
	if t.size[i] > 0 {
		return nil
	}
	if len(t.path) >= t.lim.FunctionDepth {
		return at.bad("functions that call one another: depth above the limit of %d", t.lim.FunctionDepth)
	}
	t.path = append(t.path, i)
	size, depth, err := t.nodes(t.m.Functions[i].Nodes)
	if err != nil {
		return err
	}
	t.path = t.path[:len(t.path)-1]
	t.size[i], t.depth[i] = max(size, 1), depth+1
	if t.depth[i] > t.lim.FunctionDepth {
		return at.bad("functions that call one another: depth %d, limit %d", t.depth[i], t.lim.FunctionDepth)
	}
	return nil
}

// nodes gives the size and the call depth of a list of nodes with its
// subgraphs. Sizes saturate instead of overflowing.
func (t *callTree) nodes(list []*Node) (size int64, depth int, err error) {
	add := func(s int64, d int) {
		size, depth = min(size, math.MaxInt64-s)+s, max(depth, d)
	}
	for _, n := range list {
		if i, local := t.local[callee(n)]; local {
			if err := t.enter(i); err != nil {
				return 0, 0, err
			}
			add(t.size[i], t.depth[i])
		} else {
			add(1, 0)
		}
		for _, a := range n.Attrs {
			for _, g := range a.subgraphs() {
				s, d, err := t.nodes(g.Nodes)
				if err != nil {
					return 0, 0, err
				}
				add(s, d)
			}
		}
	}
	return size, depth, nil
}
