package onnx

import (
	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// decoder turns messages into this package's types. It refuses what those
// types cannot say (a value in two fields, data of the wrong type), and leaves
// everything else to check.
type decoder struct{ err error }

// fail keeps the first error.
func (d *decoder) fail(at *loc, format string, args ...any) {
	if d.err == nil {
		d.err = at.bad(format, args...)
	}
}

func decode(data []byte) (*Model, error) {
	p := new(pb.ModelProto)
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, p); err != nil {
		return nil, (&loc{}).bad("no ONNX model: %v", err)
	}
	d := new(decoder)
	m := d.model(p)
	return m, d.err
}

func (d *decoder) model(p *pb.ModelProto) *Model {
	root := &loc{}
	m := &Model{
		IRVersion: p.GetIrVersion(), ProducerName: p.GetProducerName(), ProducerVersion: p.GetProducerVersion(),
		Domain: p.GetDomain(), ModelVersion: p.GetModelVersion(), Doc: p.GetDocString(),
		Metadata: entries(p.MetadataProps), Opsets: opsets(p.OpsetImport),
		Configurations: wires(p.Configuration),
	}
	m.Graph = d.graph(root.in("graph"), p.Graph)
	for i, f := range p.Functions {
		m.Functions = append(m.Functions, d.function(root.at("functions", i, f.GetName()), f))
	}
	for i, t := range p.TrainingInfo {
		at := root.at("training_info", i, "")
		m.Training = append(m.Training, &Training{
			Initialization:        d.graph(at.in("initialization"), t.Initialization),
			Algorithm:             d.graph(at.in("algorithm"), t.Algorithm),
			InitializationBinding: entries(t.InitializationBinding),
			UpdateBinding:         entries(t.UpdateBinding),
		})
	}
	return m
}

func (d *decoder) graph(at *loc, p *pb.GraphProto) *Graph {
	if p == nil {
		return nil
	}
	g := &Graph{Name: p.GetName(), Doc: p.GetDocString(), Metadata: entries(p.MetadataProps)}
	g.Nodes = d.nodes(at, p.Node)
	for i, t := range p.Initializer {
		g.Initializers = append(g.Initializers, d.tensor(at.at("initializer", i, t.GetName()), t))
		p.Initializer[i] = nil // what is decoded may go
	}
	for i, s := range p.SparseInitializer {
		g.Sparse = append(g.Sparse, d.sparse(at.at("sparse_initializer", i, s.GetValues().GetName()), s))
	}
	g.Inputs = d.values(at, "input", p.Input)
	g.Outputs = d.values(at, "output", p.Output)
	g.ValueInfo = d.values(at, "value_info", p.ValueInfo)
	for _, a := range p.QuantizationAnnotation {
		g.Annotations = append(g.Annotations, Annotation{a.GetTensorName(), entries(a.QuantParameterTensorNames)})
	}
	return g
}

func (d *decoder) nodes(at *loc, list []*pb.NodeProto) []*Node {
	nodes := make([]*Node, 0, len(list))
	for i, p := range list {
		n := &Node{
			Name: p.GetName(), OpType: p.GetOpType(), Domain: p.GetDomain(), Overload: p.GetOverload(),
			Inputs: p.Input, Outputs: p.Output, Doc: p.GetDocString(), Metadata: entries(p.MetadataProps),
			Configurations: wires(p.DeviceConfigurations),
		}
		n.Attrs = d.attrs(at.at("node", i, n.Name), "attribute", p.Attribute)
		nodes = append(nodes, n)
		list[i] = nil
	}
	if len(nodes) == 0 {
		return nil
	}
	return nodes
}

func (d *decoder) function(at *loc, p *pb.FunctionProto) *Function {
	return &Function{
		Domain: p.GetDomain(), Name: p.GetName(), Overload: p.GetOverload(), Doc: p.GetDocString(),
		Inputs: p.Input, Outputs: p.Output,
		AttrNames: p.Attribute, AttrDefaults: d.attrs(at, "attribute_proto", p.AttributeProto),
		Nodes: d.nodes(at, p.Node), Opsets: opsets(p.OpsetImport),
		ValueInfo: d.values(at, "value_info", p.ValueInfo), Metadata: entries(p.MetadataProps),
	}
}

func (d *decoder) attrs(at *loc, field string, list []*pb.AttributeProto) []*Attr {
	var attrs []*Attr
	for i, p := range list {
		attrs = append(attrs, d.attr(at.at(field, i, p.GetName()), p))
	}
	return attrs
}

// attr decodes one attribute. Its type says which one field is in use; files
// from before the type existed use the one field that is there.
func (d *decoder) attr(at *loc, p *pb.AttributeProto) *Attr {
	a := &Attr{Name: p.GetName(), Type: AttrType(p.GetType()), Ref: p.GetRefAttrName(), Doc: p.GetDocString()}
	for _, f := range []struct {
		is  AttrType
		has bool
	}{
		{AttrFloat, p.F != nil}, {AttrInt, p.I != nil}, {AttrString, p.S != nil},
		{AttrTensor, p.T != nil}, {AttrGraph, p.G != nil}, {AttrSparseTensor, p.SparseTensor != nil},
		{AttrTypeProto, p.Tp != nil}, {AttrFloats, len(p.Floats) > 0}, {AttrInts, len(p.Ints) > 0},
		{AttrStrings, len(p.Strings) > 0}, {AttrTensors, len(p.Tensors) > 0}, {AttrGraphs, len(p.Graphs) > 0},
		{AttrSparseTensors, len(p.SparseTensors) > 0}, {AttrTypeProtos, len(p.TypeProtos) > 0},
	} {
		switch {
		case !f.has || a.Type == f.is:
		case a.Type == 0 && a.Ref == "":
			a.Type = f.is
		default:
			d.fail(at, "holds a value of type %v, expected only type %v", f.is, a.Type)
		}
	}
	if a.Ref != "" {
		return a
	}
	a.F, a.I, a.Floats, a.Ints, a.Strings = p.GetF(), p.GetI(), p.Floats, p.Ints, p.Strings
	a.G = d.graph(at.in("g"), p.G)
	switch a.Type {
	case AttrString:
		a.S = append([]byte{}, p.S...)
	case AttrTensor:
		if p.T != nil {
			a.T = d.tensor(at.named("t", p.T.GetName()), p.T)
		}
	case AttrTensors:
		for i, t := range p.Tensors {
			a.Tensors = append(a.Tensors, d.tensor(at.at("tensors", i, t.GetName()), t))
		}
	case AttrGraphs:
		for i, g := range p.Graphs {
			a.Graphs = append(a.Graphs, d.graph(at.at("graphs", i, g.GetName()), g))
		}
	case AttrSparseTensor:
		if p.SparseTensor != nil {
			a.Sparse = d.sparse(at.in("sparse_tensor"), p.SparseTensor)
		}
	case AttrSparseTensors:
		for i, s := range p.SparseTensors {
			a.Sparses = append(a.Sparses, d.sparse(at.at("sparse_tensors", i, ""), s))
		}
	case AttrTypeProto:
		if p.Tp != nil {
			a.Types = wires([]*pb.TypeProto{p.Tp})
		}
	case AttrTypeProtos:
		a.Types = wires(p.TypeProtos)
	}
	return a
}

func opsets(list []*pb.OperatorSetIdProto) []Opset {
	var o []Opset
	for _, p := range list {
		o = append(o, Opset{p.GetDomain(), p.GetVersion()})
	}
	return o
}

func entries(list []*pb.StringStringEntryProto) []Entry {
	var e []Entry
	for _, p := range list {
		e = append(e, Entry{p.GetKey(), p.GetValue()})
	}
	return e
}

// wires keeps messages that this package has no type for.
func wires[M proto.Message](list []M) [][]byte {
	var w [][]byte
	for _, p := range list {
		w = append(w, wire(p))
	}
	return w
}

func wire(p proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
	if err != nil {
		panic(err) // proto2 messages without required fields always marshal
	}
	return b
}
