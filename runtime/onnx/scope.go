package onnx

import (
	"slices"
	"strings"
)

// scope is the values that a graph defines, by name: the index of the node
// that makes it, or given for an input or initializer. The scopes of a subgraph
// link to the graph around it.
type scope struct {
	up  *scope
	at  *loc
	g   *Graph
	def map[string]int
	now int // the node being checked
}

const given = -1

// graph checks one graph and the subgraphs in it: every value is made once, and
// before it is used. f is the function it is the body of, or nil.
func (c *checker) graph(at *loc, g *Graph, up *scope, depth int, f *Function) error {
	if depth > c.lim.SubgraphDepth {
		return at.bad("subgraphs inside one another: depth %d, limit %d", depth, c.lim.SubgraphDepth)
	}
	s := &scope{up: up, at: at, g: g, def: make(map[string]int, len(g.Inputs)+len(g.Initializers)+len(g.Nodes))}
	if err := c.inputs(s); err != nil {
		return err
	}
	for i, n := range g.Nodes {
		for _, name := range n.Outputs {
			if name == "" {
				continue
			}
			if j, twice := s.def[name]; twice {
				return s.node(i).bad("makes %s, which %s makes already", quote(name), s.maker(name, j))
			}
			s.def[name] = i
		}
	}
	for i, n := range g.Nodes {
		s.now = i
		here := s.node(i)
		if err := c.node(here, n, f); err != nil {
			return err
		}
		for _, name := range n.Inputs {
			if name != "" && !s.sees(name) {
				return s.unmade(here, name)
			}
		}
		if err := c.subgraphs(here, n, s, depth, f); err != nil {
			return err
		}
	}
	s.now = len(g.Nodes)
	return c.outputs(s)
}

// inputs enters a graph's inputs and initializers into its scope.
func (c *checker) inputs(s *scope) error {
	for i, v := range s.g.Inputs {
		at := s.at.at("input", i, v.Name)
		if err := c.value(at, v); err != nil {
			return err
		}
		if _, twice := s.def[v.Name]; twice {
			return at.bad("a second input of this name")
		}
		s.def[v.Name] = given
	}
	seen := make(map[string]bool, len(s.g.Initializers)+len(s.g.Sparse))
	initializer := func(at *loc, name string) error {
		if name == "" {
			return at.bad("has no name")
		}
		if seen[name] {
			return at.bad("a second initializer of this name")
		}
		if _, input := s.def[name]; input && s.up != nil {
			return at.bad("an input of the subgraph has this name too")
		}
		seen[name], s.def[name] = true, given
		return nil
	}
	for i, t := range s.g.Initializers {
		if err := initializer(s.at.at("initializer", i, t.Name), t.Name); err != nil {
			return err
		}
	}
	for i, t := range s.g.Sparse {
		if err := initializer(s.at.at("sparse_initializer", i, t.Values.Name), t.Values.Name); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) outputs(s *scope) error {
	for i, v := range s.g.Outputs {
		at := s.at.at("output", i, v.Name)
		if err := c.value(at, v); err != nil {
			return err
		}
		if !s.sees(v.Name) {
			return at.bad("nothing makes this value")
		}
	}
	for i, v := range s.g.ValueInfo {
		if err := c.value(s.at.at("value_info", i, v.Name), v); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) subgraphs(at *loc, n *Node, s *scope, depth int, f *Function) error {
	for i, a := range n.Attrs {
		here := at.at("attribute", i, a.Name)
		if a.G != nil {
			if err := c.graph(here.in("g"), a.G, s, depth+1, f); err != nil {
				return err
			}
		}
		for j, g := range a.Graphs {
			if err := c.graph(here.at("graphs", j, g.Name), g, s, depth+1, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// sees reports whether name is made before the node being checked, here or in
// a graph around this one.
func (s *scope) sees(name string) bool {
	for ; s != nil; s = s.up {
		if i, ok := s.def[name]; ok && i < s.now {
			return true
		}
	}
	return false
}

func (s *scope) node(i int) *loc { return s.at.at("node", i, s.g.Nodes[i].Name) }

func (s *scope) maker(name string, i int) string {
	if i == given {
		return "an input or initializer"
	}
	return s.node(i).String()
}

// unmade says why the node at here cannot have name: nothing makes it, a later
// node does, or the two wait for one another.
func (s *scope) unmade(here *loc, name string) error {
	for ; s != nil; s = s.up {
		made, ok := s.def[name]
		if !ok {
			continue
		}
		if path := s.path(made, s.now); path != nil {
			names := []string{}
			for _, i := range append([]int{s.now}, path...) {
				names = append(names, s.node(i).String())
			}
			return here.bad("cycle: %s", strings.Join(shorten(names), " needs "))
		}
		return here.bad("input %s comes from the later %s, expected nodes in topological order", quote(name), s.maker(name, made))
	}
	return here.bad("input %s: nothing makes this value", quote(name))
}

// path gives the nodes from from to to, each needing the next, or nil.
func (s *scope) path(from, to int) []int {
	next := map[int]int{from: from} // next[i] is the node that led to i
	queue := []int{from}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if i == to {
			path := []int{i}
			for ; i != from; i = next[i] {
				path = append(path, next[i])
			}
			slices.Reverse(path)
			return path
		}
		uses(s.g.Nodes[i], func(name string) {
			if j, ok := s.def[name]; ok && j != given {
				if _, seen := next[j]; !seen {
					next[j] = i
					queue = append(queue, j)
				}
			}
		})
	}
	return nil
}

// uses calls f with the names that a node and its subgraphs take.
func uses(n *Node, f func(string)) {
	for _, name := range n.Inputs {
		f(name)
	}
	for _, a := range n.Attrs {
		for _, g := range a.subgraphs() {
			for _, n := range g.Nodes {
				uses(n, f)
			}
			for _, v := range g.Outputs {
				f(v.Name)
			}
		}
	}
}

// subgraphs gives the graphs that an attribute holds.
func (a *Attr) subgraphs() []*Graph {
	if a.G != nil {
		return append([]*Graph{a.G}, a.Graphs...)
	}
	return a.Graphs
}

// shorten cuts the middle out of a long list.
func shorten(list []string) []string {
	const most = 8
	if len(list) <= most {
		return list
	}
	short := append([]string{}, list[:most/2]...)
	return append(append(short, "…"), list[len(list)-most/2:]...)
}
