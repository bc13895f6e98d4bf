package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// settle checks the types of a node's inputs and settles which of them are
// state or constants.
func (im *importer) settle(n *Node) error {
	for i, v := range n.In {
		if v == nil || contains(n.Op.NoGrad, i) {
			continue
		}
		takes := v.dtype == onnx.Float32
		switch {
		case contains(n.Op.Index, i):
			takes = isInteger(v.dtype)
		case n.Op.Moves:
			takes = !v.isInts && v.dtype == n.In[0].dtype && (takes || isInteger(v.dtype))
		case n.Op.Type == "Cast":
			takes = true
		}
		if !takes {
			return fmt.Errorf("input %q is %s, expected %s", v.Name, describeType(v), wanted(n, i))
		}
	}
	for _, i := range n.Op.State {
		if n.Has(i) {
			if err := im.settleState(n, i); err != nil {
				return err
			}
		}
	}
	for _, i := range n.Op.NoGrad {
		if n.Has(i) && n.In[i].param != nil {
			n.In[i].param.Role = Frozen
		}
	}
	return nil
}

func describeType(v *Value) string {
	if v.isInts {
		return fmt.Sprintf("an integer constant (%v)", v.dtype)
	}
	return v.dtype.String()
}

func wanted(n *Node, i int) string {
	switch {
	case contains(n.Op.Index, i):
		return "int64 or int32"
	case n.Op.Moves && i > 0:
		return fmt.Sprintf("%v as the first input", n.In[0].dtype)
	}
	return "float32"
}

// settleState makes input i of n running statistics: an initializer of its
// own. One that other nodes read too, or that comes through Identity, as
// exporters write initializers of equal values, is copied.
func (im *importer) settleState(n *Node, i int) error {
	v, shared := n.In[i], false
	for v.param == nil && v.producer >= 0 && im.g.Nodes[v.producer].Op.Type == "Identity" {
		v, shared = im.g.Nodes[v.producer].In[0], true
	}
	if v.param == nil {
		return fmt.Errorf("input %q is computed, expected an initializer", n.In[i].Name)
	}
	if shared || im.uses[v.Name] > 1 {
		name := im.fresh(n.Name + "_" + v.Name)
		c := &Value{Name: name, Shape: v.Shape, dtype: v.dtype, producer: -1, id: len(im.g.values)}
		if err := im.spendTotal(len(v.param.Data)); err != nil {
			return err
		}
		c.param = im.param(v.Shape, append([]float32{}, v.param.Data...), State)
		c.param.Name = name
		im.byName[name] = c
		im.g.values = append(im.g.values, c)
		im.g.model.Graph.Initializers = append(im.g.model.Graph.Initializers, onnx.FloatTensor(name, dims64(v.Shape), c.param.Data))
		n.In[i], n.source.Inputs[i] = c, name
	}
	n.In[i].param.Role = State
	return nil
}

func dims64(s Shape) []int64 {
	out := make([]int64, len(s))
	for i, d := range s {
		out[i] = int64(d)
	}
	return out
}

// prune drops the nodes whose values import has folded all uses of, such as
// one that was read for its shape alone, and the parameters that no node reads.
func (im *importer) prune() {
	g := im.g
	needed := make([]bool, len(g.values))
	for _, v := range g.Outputs {
		needed[v.id] = true
	}
	keep := make([]bool, len(g.Nodes))
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		for _, v := range n.Out {
			keep[i] = keep[i] || needed[v.id]
		}
		if !keep[i] {
			delete(im.nodes, n.source)
			continue
		}
		for _, v := range n.In {
			if v != nil {
				needed[v.id] = true
			}
		}
	}
	nodes, params := g.Nodes[:0], g.Params[:0]
	for i, n := range g.Nodes {
		if !keep[i] {
			continue
		}
		n.index = len(nodes)
		for _, v := range n.Out {
			v.producer = n.index
		}
		nodes = append(nodes, n)
	}
	g.Nodes = nodes
	used := map[*Param]bool{}
	for _, v := range g.values {
		if v.param != nil && needed[v.id] {
			used[v.param] = true
		}
	}
	for _, p := range g.Params {
		if used[p] {
			p.index = len(params)
			params = append(params, p)
		}
	}
	g.Params = params
}

// markGradients finds the values that a trained parameter reaches, or where
// inputs are tracked also those that a graph input does.
func (g *Graph) markGradients() {
	for _, v := range g.values {
		v.grad = v.param != nil && v.param.Role == Trained
		if v.param != nil {
			v.param.grad = v.grad
		}
	}
	for _, v := range g.Inputs {
		v.grad = g.inputs && v.dtype == onnx.Float32
	}
	for _, n := range g.Nodes {
		for _, in := range n.In {
			if in != nil && in.grad {
				for _, out := range n.Out {
					out.grad = out.dtype == onnx.Float32
				}
			}
		}
	}
}

// TrackInputs makes training plans built from now on give the gradients of
// the graph's inputs too.
func (g *Graph) TrackInputs() {
	g.inputs = true
	g.markGradients()
}
