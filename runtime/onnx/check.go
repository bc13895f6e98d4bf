package onnx

import (
	"math"
	"slices"
	"strings"
)

// Validate reports what is wrong with a model in memory, as Read would for its
// file, and warns of constants that hold NaN, infinite or denormal numbers.
func Validate(m *Model) (warnings []string, err error) {
	if err := check(m, Limits{}.withDefaults()); err != nil {
		return nil, err
	}
	return oddities(m, nil)
}

// checker checks that a model is well-formed. It does not know operators:
// those it lets pass are for ONNX Runtime to judge.
type checker struct {
	lim   Limits
	local map[funcID]int // model-local functions by what calls them
}

func check(m *Model, lim Limits) error {
	root := &loc{}
	if m.Graph == nil {
		return root.bad("no graph: the model is empty")
	}
	if m.IRVersion < minIR || m.IRVersion > maxIR {
		return root.in("ir_version").bad("got %d, supported are %d to %d", m.IRVersion, minIR, maxIR)
	}
	if len(m.Opsets) == 0 {
		return root.in("opset_import").bad("missing, supported are versions %d to %d", minOpset, maxOpset)
	}
	if err := checkOpsets(root, m.Opsets); err != nil {
		return err
	}
	c := &checker{lim: lim, local: map[funcID]int{}}
	for i, f := range m.Functions {
		id := f.id()
		if j, twice := c.local[id]; twice {
			return root.at("functions", i, f.Name).bad("the same function as functions[%d]: %v", j, id)
		}
		c.local[id] = i
	}
	if err := c.graph(root.in("graph"), m.Graph, nil, 0, nil); err != nil {
		return err
	}
	for i, f := range m.Functions {
		if err := c.function(root.at("functions", i, f.Name), f); err != nil {
			return err
		}
	}
	if err := c.calls(m); err != nil {
		return err
	}
	return walker{tensor: c.tensor, sparse: c.sparse}.model(m)
}

func checkOpsets(at *loc, opsets []Opset) error {
	seen := make(map[string]int, len(opsets))
	for i, o := range opsets {
		here, domain := at.at("opset_import", i, o.Domain), plainDomain(o.Domain)
		most := int64(math.MaxInt32)
		if domain == "" {
			most = maxOpset
		}
		if o.Version < minOpset || o.Version > most {
			return here.bad("version %d, supported are %d to %d", o.Version, minOpset, most)
		}
		if j, twice := seen[domain]; twice {
			return here.bad("the same domain as opset_import[%d]", j)
		}
		seen[domain] = i
	}
	return nil
}

func (c *checker) function(at *loc, f *Function) error {
	if f.Name == "" {
		return at.bad("has no name")
	}
	if err := checkOpsets(at, f.Opsets); err != nil {
		return err
	}
	body := &Graph{Nodes: f.Nodes, ValueInfo: f.ValueInfo}
	for _, name := range f.Inputs {
		body.Inputs = append(body.Inputs, &Value{Name: name, Kind: KindUnknown})
	}
	for _, name := range f.Outputs {
		body.Outputs = append(body.Outputs, &Value{Name: name, Kind: KindUnknown})
	}
	if err := c.attrs(at, "attribute_proto", f.AttrDefaults, nil); err != nil {
		return err
	}
	return c.graph(at, body, nil, 0, f)
}

// standalone are the standard operators that take no input.
var standalone = []string{"Constant", "RandomNormal", "RandomUniform", "SequenceEmpty"}

// controlFlow are the standard operators that take a subgraph.
var controlFlow = []string{"If", "Loop", "Scan", "SequenceMap"}

// node checks what can be said of a node without its surroundings. f is the
// function around it, or nil.
func (c *checker) node(at *loc, n *Node, f *Function) error {
	if n.OpType == "" {
		return at.bad("has no op_type")
	}
	if n.OpType == "EPContext" {
		return at.bad("EPContext loads a program compiled for one accelerator, expected the model it was made from")
	}
	if err := c.attrs(at, "attribute", n.Attrs, f); err != nil {
		return err
	}
	_, local := c.local[callee(n)]
	if local || plainDomain(n.Domain) != "" {
		return nil
	}
	if slices.Contains(standalone, n.OpType) && len(n.Inputs) > 0 {
		return at.bad("%s has %d inputs, expected none", n.OpType, len(n.Inputs))
	}
	for i, a := range n.Attrs {
		if (a.Type == AttrGraph || a.Type == AttrGraphs) && !slices.Contains(controlFlow, n.OpType) {
			return at.at("attribute", i, a.Name).bad("%s takes no subgraph, only %s do", n.OpType, strings.Join(controlFlow, ", "))
		}
	}
	return nil
}

func (c *checker) attrs(at *loc, field string, attrs []*Attr, f *Function) error {
	seen := make(map[string]int, len(attrs))
	for i, a := range attrs {
		here := at.at(field, i, a.Name)
		if a.Name == "" {
			return here.bad("has no name")
		}
		if j, twice := seen[a.Name]; twice {
			return here.bad("the same attribute as %s[%d]", field, j)
		}
		seen[a.Name] = i
		if a.Ref != "" {
			if f == nil {
				return here.bad("refers to attribute %s of a function, but is in none", quote(a.Ref))
			}
			continue
		}
		var has bool
		switch a.Type {
		case AttrTensor:
			has = a.T != nil
		case AttrGraph:
			has = a.G != nil
		case AttrSparseTensor:
			has = a.Sparse != nil
		case AttrTypeProto:
			has = len(a.Types) == 1
		default:
			has = a.Type > 0 && a.Type <= AttrTypeProtos
		}
		if !has {
			return here.bad("has no value of its type %v", a.Type)
		}
	}
	return nil
}

// value checks the declared type of an input, output or inner value.
func (c *checker) value(at *loc, v *Value) error {
	if v.Name == "" {
		return at.bad("has no name")
	}
	if len(v.Shape) > c.lim.Rank {
		return at.bad("has %d axes, limit %d", len(v.Shape), c.lim.Rank)
	}
	return nil
}
