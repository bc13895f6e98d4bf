package graph

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// BatchName is the name of the batch axis in a model that leaves the package.
const BatchName = "batch"

// Model is a deep copy of the model with the current values of the
// parameters and a dynamic batch axis.
func (g *Graph) Model() *onnx.Model {
	m := clone(g.model)
	data := make(map[string]*Param, len(g.Params))
	for _, p := range g.Params {
		data[p.Name] = p
	}
	for _, t := range m.Graph.Initializers {
		if p := data[t.Name]; p != nil && t.DType == onnx.Float32 {
			for i, v := range p.Data {
				binary.LittleEndian.PutUint32(t.Data[4*i:], math.Float32bits(v))
			}
		}
	}
	g.writeFrozen(m)
	return m
}

// normalise rewrites the copy of the model for a dynamic batch and inference:
// the declared shapes of inputs and outputs, the shapes that Reshape nodes are
// given, training modes; and puts constants where nodes were folded.
func (im *importer) normalise() {
	m := im.g.model
	m.IRVersion = max(m.IRVersion, 4) // since 4, initializers are no inputs
	m.Graph.ValueInfo = nil
	m.Functions = nil
	m.Graph.Inputs = nil
	for _, v := range im.g.Inputs {
		m.Graph.Inputs = append(m.Graph.Inputs, declare(v))
	}
	for i, v := range im.g.Outputs {
		doc := m.Graph.Outputs[i].Doc
		m.Graph.Outputs[i] = declare(v)
		m.Graph.Outputs[i].Doc = doc
	}
	for _, n := range im.kept {
		switch n.Op.Type {
		case "Reshape":
			im.rewriteReshape(n)
		case "Squeeze":
			im.nameAxes(n)
		case "BatchNormalization", "Dropout":
			inferenceMode(n.source)
		}
	}
	im.settleNodes()
	im.dropUnused()
}

func declare(v *Value) *onnx.Value {
	out := &onnx.Value{Name: v.Name, Kind: onnx.KindTensor, DType: v.dtype, HasShape: true}
	for _, d := range v.Shape {
		switch {
		case d == Batch:
			out.Shape = append(out.Shape, onnx.Dim{Param: BatchName})
		case d < 0:
			out.Shape = append(out.Shape, onnx.Dim{Value: -1})
		default:
			out.Shape = append(out.Shape, onnx.Dim{Value: int64(d)})
		}
	}
	return out
}

// rewriteReshape gives a Reshape whose constant names the file's fixed batch
// a constant of its own with −1 in that place.
func (im *importer) rewriteReshape(n *Node) {
	old := n.In[1]
	out := n.Out[0].Shape
	same := true
	shape := make([]int64, len(out))
	for i, d := range out {
		shape[i] = int64(d)
		if d < 0 {
			shape[i] = -1
			same = same && old.ints[i].c <= 0
		}
		same = same && old.ints[i].n == 0
	}
	if same {
		return
	}
	t := onnx.Int64Tensor(im.fresh(n.Out[0].Name+"_shape"), []int64{int64(len(shape))}, shape)
	im.g.model.Graph.Initializers = append(im.g.model.Graph.Initializers, t)
	n.source.Inputs[1] = t.Name
}

// nameAxes gives a Squeeze that drops every axis of 1 the list of them, so that
// it keeps a batch of 1.
func (im *importer) nameAxes(n *Node) {
	if n.Has(1) || n.source.Attr("axes") != nil {
		return
	}
	var axes []int64
	for i, d := range n.In[0].Shape {
		if d == 1 {
			axes = append(axes, int64(i))
		}
	}
	if len(axes) == 0 {
		n.source.OpType = "Identity"
		return
	}
	if n.Opset < 13 {
		n.source.Attrs = append(n.source.Attrs, onnx.IntsAttr("axes", axes...))
		return
	}
	t := onnx.Int64Tensor(im.fresh(n.Out[0].Name+"_axes"), []int64{int64(len(axes))}, axes)
	im.g.model.Graph.Initializers = append(im.g.model.Graph.Initializers, t)
	n.source.Inputs = []string{n.source.Inputs[0], t.Name}
}

// fresh is a value name that nothing has yet.
func (im *importer) fresh(name string) string {
	for im.byName[name] != nil {
		name += "_"
	}
	im.byName[name] = &Value{Name: name}
	return name
}

// inferenceMode takes from BatchNormalization and Dropout what a training
// export adds: the mode, and the outputs that only training has.
func inferenceMode(n *onnx.Node) {
	n.Outputs = n.Outputs[:1]
	n.Attrs = slices.DeleteFunc(n.Attrs, func(a *onnx.Attr) bool { return a.Name == "training_mode" })
	if n.OpType == "Dropout" && len(n.Inputs) > 2 {
		n.Inputs = n.Inputs[:2]
	}
}

// settleNodes keeps, of the nodes that import folded, those whose value a node
// reads and that depends on the batch; a constant takes the place of the
// others. Constant nodes that train become initializers.
func (im *importer) settleNodes() {
	src := im.g.model.Graph
	need := map[string]bool{}
	for _, o := range src.Outputs {
		need[o.Name] = true
	}
	var keep []*onnx.Node
	for i := len(src.Nodes) - 1; i >= 0; i-- {
		n := src.Nodes[i]
		if !im.nodes[n] && im.replaced(n, need) {
			continue
		}
		keep = append(keep, n)
		for _, in := range n.Inputs {
			need[in] = true
		}
	}
	slices.Reverse(keep)
	src.Nodes = keep
}

// replaced tells whether a folded node can go, and gives its constants.
func (im *importer) replaced(n *onnx.Node, need map[string]bool) bool {
	var tensors []*onnx.Tensor
	for _, name := range n.Outputs {
		v := im.byName[name]
		if name == "" || !need[name] || v == nil {
			continue
		}
		if n.OpType == "Constant" && (v.param == nil || v.param.Role == Frozen) {
			return false
		}
		t := v.tensor()
		if t == nil {
			return false
		}
		tensors = append(tensors, t)
	}
	im.g.model.Graph.Initializers = append(im.g.model.Graph.Initializers, tensors...)
	return true
}

// tensor is a constant value as an initializer; nil when it is none that is
// the same for every batch.
func (v *Value) tensor() *onnx.Tensor {
	if v.param != nil && v.dtype == onnx.Float32 {
		return onnx.FloatTensor(v.Name, dims64(v.Shape), v.param.Data)
	}
	if !v.isInts {
		return nil
	}
	t := &onnx.Tensor{Name: v.Name, DType: v.dtype, Dims: dims64(v.Shape)}
	for _, a := range v.ints {
		if a.n != 0 {
			return nil
		}
		switch v.dtype {
		case onnx.Int64:
			t.Data = binary.LittleEndian.AppendUint64(t.Data, uint64(a.c))
		case onnx.Int32:
			t.Data = binary.LittleEndian.AppendUint32(t.Data, uint32(a.c))
		default:
			t.Data = append(t.Data, byte(a.c))
		}
	}
	return t
}

// dropUnused removes the initializers that no node reads any more.
func (im *importer) dropUnused() {
	used := map[string]bool{}
	src := im.g.model.Graph
	for _, n := range src.Nodes {
		for _, in := range n.Inputs {
			used[in] = true
		}
	}
	src.Initializers = slices.DeleteFunc(src.Initializers, func(t *onnx.Tensor) bool { return !used[t.Name] })
}

// clone copies a model so deeply that nothing of it is shared.
func clone(m *onnx.Model) *onnx.Model {
	c := *m
	c.Opsets = slices.Clone(m.Opsets)
	c.Metadata = slices.Clone(m.Metadata)
	c.Functions = slices.Clone(m.Functions)
	g := *m.Graph
	g.Nodes = make([]*onnx.Node, len(m.Graph.Nodes))
	for i, n := range m.Graph.Nodes {
		g.Nodes[i] = cloneNode(n)
	}
	g.Initializers = make([]*onnx.Tensor, len(m.Graph.Initializers))
	for i, t := range m.Graph.Initializers {
		g.Initializers[i] = cloneTensor(t)
	}
	g.Inputs, g.Outputs, g.ValueInfo = cloneValues(m.Graph.Inputs), cloneValues(m.Graph.Outputs), cloneValues(m.Graph.ValueInfo)
	c.Graph = &g
	return &c
}

func cloneNode(n *onnx.Node) *onnx.Node {
	c := *n
	c.Inputs, c.Outputs = slices.Clone(n.Inputs), slices.Clone(n.Outputs)
	c.Attrs = make([]*onnx.Attr, len(n.Attrs))
	for i, a := range n.Attrs {
		b := *a
		b.S, b.Floats, b.Ints = slices.Clone(a.S), slices.Clone(a.Floats), slices.Clone(a.Ints)
		if a.T != nil {
			b.T = cloneTensor(a.T)
		}
		c.Attrs[i] = &b
	}
	return &c
}

func cloneTensor(t *onnx.Tensor) *onnx.Tensor {
	c := *t
	c.Dims, c.Data = slices.Clone(t.Dims), slices.Clone(t.Data)
	return &c
}

func cloneValues(vs []*onnx.Value) []*onnx.Value {
	out := make([]*onnx.Value, len(vs))
	for i, v := range vs {
		c := *v
		c.Shape = slices.Clone(v.Shape)
		out[i] = &c
	}
	return out
}
