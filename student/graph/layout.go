package graph

import (
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/kernel"
)

// Layout says in which order of memory an op takes its images, values of
// shape (N, C, L), (N, C, H, W) and so on.
type Layout int

// The layouts.
const (
	Natural      Layout = iota // as ONNX has it
	AnyOrder                   // any, as long as inputs and outputs share it
	ChannelsLast               // (N, H, W, C)
)

// axesInMemory is the shape s of an image in channels-last order.
func axesInMemory(s []int) []int {
	return append(append([]int{s[0]}, s[2:]...), s[1])
}

// arranger chooses the order of memory of every value of a plan, op by op: a
// convolution and what follows it works channels-last, and a node is put in
// wherever an op needs the other order.
type arranger struct {
	nodes []*Node
	ids   int
	forms map[*Value]*forms
}

// forms are a value in each order, nil where nobody made it.
type forms struct{ natural, last *Value }

// arrange gives the nodes of a plan of g in which every value has its order of
// memory, and how many values there are. Outputs of the graph stay natural.
func arrange(g *Graph) (nodes []*Node, values int) {
	a := &arranger{ids: len(g.values), forms: map[*Value]*forms{}}
	for _, n := range g.Nodes {
		a.node(n)
	}
	for _, v := range g.Outputs {
		a.natural(v)
	}
	return a.nodes, a.ids
}

func image(v *Value) bool { return len(v.Shape) > 2 }

// sameBothWays tells whether v's order makes no difference.
func sameBothWays(v *Value) bool {
	area := 1
	for _, d := range v.Shape[2:] {
		area *= d
	}
	return area == 1 || v.Shape[1] == 1
}

func (a *arranger) formsOf(v *Value) *forms {
	f := a.forms[v]
	if f == nil {
		f = &forms{natural: v}
		a.forms[v] = f
	}
	return f
}

// lastOf is the form of v that has not been made yet.
func (a *arranger) lastOf(v *Value) *Value {
	c := *v
	c.last = true
	if !sameBothWays(v) {
		c.id, c.producer = a.ids, 0 // some node of the plan
		a.ids++
	}
	return &c
}

// natural gives v as ONNX has it, converting where need be.
func (a *arranger) natural(v *Value) *Value {
	f := a.formsOf(v)
	if f.natural == nil {
		f.natural = v
		if f.last.id != v.id {
			a.convert(channelsFirst, f.last, v)
		}
	}
	return f.natural
}

// last gives v channels-last, converting where need be.
func (a *arranger) last(v *Value) *Value {
	f := a.formsOf(v)
	if f.last == nil {
		f.last = a.lastOf(v)
		if f.last.id != v.id {
			a.convert(channelsLast, v, f.last)
		}
	}
	return f.last
}

func (a *arranger) convert(op *Op, from, to *Value) {
	a.nodes = append(a.nodes, &Node{Name: to.Name, Op: op, In: []*Value{from}, Out: []*Value{to}, source: &onnx.Node{Name: to.Name, OpType: op.Type}})
}

// node appends n with its values in the order that it takes.
func (a *arranger) node(n *Node) {
	c := *n
	c.In, c.Out = slices.Clone(n.In), slices.Clone(n.Out)
	last := n.Op.Layout == ChannelsLast && image(n.In[0]) || n.Op.Layout == AnyOrder && a.worthwhile(n)
	for i, v := range n.In {
		switch {
		case v == nil || v.isInts:
		case v.param != nil:
			if last && n.Op.Layout == AnyOrder {
				c.In[i] = aligned(v, len(n.Out[0].Shape))
			}
		case last && image(v) && (i == 0 || n.Op.Layout == AnyOrder): // not a weight that is computed
			c.In[i] = a.last(v)
		default:
			c.In[i] = a.natural(v)
		}
	}
	a.nodes = append(a.nodes, &c)
	if last {
		for i, v := range n.Out {
			if image(v) {
				a.forms[v] = &forms{last: a.lastOf(v)}
				c.Out[i] = a.forms[v].last
			}
		}
	}
}

// worthwhile tells whether an op that takes any order should work
// channels-last: an input is so already, and all others can be.
func (a *arranger) worthwhile(n *Node) bool {
	some, rank := false, len(n.Out[0].Shape)
	for _, v := range n.In {
		switch {
		case v == nil || v.isInts:
		case v.param != nil:
			if !channelsOnly(v.Shape, rank) {
				return false
			}
		case len(v.Shape) != rank || !image(v):
			return false
		default:
			f := a.formsOf(v)
			some = some || f.last != nil && !sameBothWays(v)
		}
	}
	return some
}

// channelsOnly tells whether a constant that is broadcast to the given rank
// differs along channels alone.
func channelsOnly(s Shape, rank int) bool {
	for i, d := range s {
		if d != 1 && rank-len(s)+i != 1 {
			return false
		}
	}
	return true
}

// aligned is a constant v with all axes of the given rank, channels-last.
func aligned(v *Value, rank int) *Value {
	if product(v.Shape.At(1)) == 1 {
		return v
	}
	c := *v
	c.Shape, c.last = make(Shape, rank), true
	for i := range c.Shape {
		c.Shape[i] = fromEnd(v.Shape, rank-1-i)
	}
	return &c
}

// The conversions are nodes like any other, known to plans alone.
var (
	channelsLast  = &Op{Type: "ToChannelsLast", Infer: sameShape, Build: buildToChannelsLast}
	channelsFirst = &Op{Type: "ToChannelsFirst", Infer: sameShape, Build: buildToChannelsFirst}
)

// buildToChannelsLast is y (N, S, C) from x (N, C, S), S being the pixels.
func buildToChannelsLast(b *Build) (Kernel, error) {
	s := b.In(0)
	return unary{kernel.NewTranspose(s[0], s[1], product(s[2:]))}, nil
}

// buildToChannelsFirst is y (N, C, S) from x (N, S, C).
func buildToChannelsFirst(b *Build) (Kernel, error) {
	s := b.In(0)
	return unary{kernel.NewTranspose(s[0], product(s[2:]), s[1])}, nil
}
