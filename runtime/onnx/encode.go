package onnx

import (
	"io"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// Write puts m at path, durably and in one step: the file is complete or not
// there. All constants go into the one file, so m must hold their bytes and
// stay below 2 GiB. The same model gives the same bytes.
func Write(path string, m *Model) error {
	data, err := Marshal(m)
	if err != nil {
		return in(path, err)
	}
	return durable.WriteFile(durable.OS{}, path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Marshal gives the bytes of m's file. It fails for a model that Parse would
// refuse, for one whose constants were not loaded, and from 2 GiB on.
func Marshal(m *Model) ([]byte, error) {
	if err := check(m, Limits{}.withDefaults()); err != nil {
		return nil, err
	}
	loaded := walker{tensor: func(at *loc, t *Tensor, _ bool) error {
		if t.External != nil && t.Data == nil {
			return at.bad("its bytes are external and were not loaded, expected a model read with its weights")
		}
		return nil
	}}
	if err := loaded.model(m); err != nil {
		return nil, err
	}
	return marshal(m)
}

// marshal is Marshal of a checked model; constants without bytes stay where
// they say they are.
func marshal(m *Model) ([]byte, error) {
	p, err := encodeModel(m)
	if err != nil {
		return nil, err
	}
	if size := proto.Size(p); size > maxProto {
		return nil, fault.New(fault.Input, "", "", "the model would take %d bytes, which exceeds the 2 GiB protobuf limit", size)
	}
	data, err := proto.MarshalOptions{Deterministic: true, UseCachedSize: true}.Marshal(p)
	if err != nil {
		return nil, fault.New(fault.Input, "", "", "cannot be encoded: %w", err)
	}
	return data, nil
}

// encoder turns this package's types into messages. It keeps the first error,
// which only a kept wire form can cause.
type encoder struct{ err error }

func encodeModel(m *Model) (*pb.ModelProto, error) {
	e := new(encoder)
	p := &pb.ModelProto{
		IrVersion: &m.IRVersion, ProducerName: text(m.ProducerName), ProducerVersion: text(m.ProducerVersion),
		Domain: text(m.Domain), DocString: text(m.Doc), Graph: e.graph(m.Graph),
		OpsetImport: encodeOpsets(m.Opsets), MetadataProps: encodeEntries(m.Metadata),
		Configuration: unwire(e, m.Configurations, func() *pb.DeviceConfigurationProto { return new(pb.DeviceConfigurationProto) }),
	}
	if m.ModelVersion != 0 {
		p.ModelVersion = &m.ModelVersion
	}
	for _, f := range m.Functions {
		p.Functions = append(p.Functions, e.function(f))
	}
	for _, t := range m.Training {
		p.TrainingInfo = append(p.TrainingInfo, &pb.TrainingInfoProto{
			Initialization: e.graph(t.Initialization), Algorithm: e.graph(t.Algorithm),
			InitializationBinding: encodeEntries(t.InitializationBinding), UpdateBinding: encodeEntries(t.UpdateBinding),
		})
	}
	return p, e.err
}

func (e *encoder) graph(g *Graph) *pb.GraphProto {
	if g == nil {
		return nil
	}
	p := &pb.GraphProto{
		Name: text(g.Name), DocString: text(g.Doc), Node: e.nodes(g.Nodes), MetadataProps: encodeEntries(g.Metadata),
		Input: e.values(g.Inputs), Output: e.values(g.Outputs), ValueInfo: e.values(g.ValueInfo),
	}
	for _, t := range g.Initializers {
		p.Initializer = append(p.Initializer, encodeTensor(t))
	}
	for _, s := range g.Sparse {
		p.SparseInitializer = append(p.SparseInitializer, encodeSparse(s))
	}
	for _, a := range g.Annotations {
		p.QuantizationAnnotation = append(p.QuantizationAnnotation, &pb.TensorAnnotation{
			TensorName: text(a.Tensor), QuantParameterTensorNames: encodeEntries(a.Params),
		})
	}
	return p
}

func (e *encoder) nodes(nodes []*Node) []*pb.NodeProto {
	var list []*pb.NodeProto
	for _, n := range nodes {
		list = append(list, &pb.NodeProto{
			Input: n.Inputs, Output: n.Outputs, Name: text(n.Name), OpType: &n.OpType, Domain: text(n.Domain),
			Overload: text(n.Overload), DocString: text(n.Doc), Attribute: e.attrs(n.Attrs),
			MetadataProps: encodeEntries(n.Metadata),
			DeviceConfigurations: unwire(e, n.Configurations, func() *pb.NodeDeviceConfigurationProto {
				return new(pb.NodeDeviceConfigurationProto)
			}),
		})
	}
	return list
}

func (e *encoder) function(f *Function) *pb.FunctionProto {
	return &pb.FunctionProto{
		Name: text(f.Name), Domain: text(f.Domain), Overload: text(f.Overload), DocString: text(f.Doc),
		Input: f.Inputs, Output: f.Outputs, Attribute: f.AttrNames, AttributeProto: e.attrs(f.AttrDefaults),
		Node: e.nodes(f.Nodes), OpsetImport: encodeOpsets(f.Opsets), ValueInfo: e.values(f.ValueInfo),
		MetadataProps: encodeEntries(f.Metadata),
	}
}

func (e *encoder) attrs(attrs []*Attr) []*pb.AttributeProto {
	var list []*pb.AttributeProto
	for _, a := range attrs {
		p := &pb.AttributeProto{
			Name: text(a.Name), Type: pb.AttributeProto_AttributeType(a.Type).Enum(),
			RefAttrName: text(a.Ref), DocString: text(a.Doc),
		}
		if a.Ref == "" {
			e.attrValue(p, a)
		}
		list = append(list, p)
	}
	return list
}

func (e *encoder) attrValue(p *pb.AttributeProto, a *Attr) {
	newType := func() *pb.TypeProto { return new(pb.TypeProto) }
	switch a.Type {
	case AttrFloat:
		p.F = &a.F
	case AttrInt:
		p.I = &a.I
	case AttrString:
		p.S = append([]byte{}, a.S...)
	case AttrTensor:
		p.T = encodeTensor(a.T)
	case AttrGraph:
		p.G = e.graph(a.G)
	case AttrFloats:
		p.Floats = a.Floats
	case AttrInts:
		p.Ints = a.Ints
	case AttrStrings:
		p.Strings = a.Strings
	case AttrTensors:
		for _, t := range a.Tensors {
			p.Tensors = append(p.Tensors, encodeTensor(t))
		}
	case AttrGraphs:
		for _, g := range a.Graphs {
			p.Graphs = append(p.Graphs, e.graph(g))
		}
	case AttrSparseTensor:
		p.SparseTensor = encodeSparse(a.Sparse)
	case AttrSparseTensors:
		for _, s := range a.Sparses {
			p.SparseTensors = append(p.SparseTensors, encodeSparse(s))
		}
	case AttrTypeProto:
		p.Tp = unwire(e, a.Types[:1], newType)[0]
	case AttrTypeProtos:
		p.TypeProtos = unwire(e, a.Types, newType)
	}
}

func encodeTensor(t *Tensor) *pb.TensorProto {
	dtype := int32(t.DType)
	p := &pb.TensorProto{
		Name: text(t.Name), DataType: &dtype, Dims: t.Dims, DocString: text(t.Doc), MetadataProps: encodeEntries(t.Metadata),
	}
	if t.External != nil && t.Data == nil {
		p.DataLocation = pb.TensorProto_EXTERNAL.Enum()
		p.ExternalData = encodeEntries([]Entry{{"location", t.External.Location},
			{"offset", strconv.FormatInt(t.External.Offset, 10)}, {"length", strconv.FormatInt(t.External.Length, 10)}})
	} else if t.DType == String {
		p.StringData = t.Strings
	} else if p.RawData = t.Data; p.RawData == nil {
		p.RawData = []byte{}
	}
	return p
}

func encodeSparse(s *SparseTensor) *pb.SparseTensorProto {
	return &pb.SparseTensorProto{Values: encodeTensor(s.Values), Indices: encodeTensor(s.Indices), Dims: s.Dims}
}

func encodeOpsets(opsets []Opset) []*pb.OperatorSetIdProto {
	var list []*pb.OperatorSetIdProto
	for _, o := range opsets {
		list = append(list, &pb.OperatorSetIdProto{Domain: &o.Domain, Version: &o.Version})
	}
	return list
}

func encodeEntries(entries []Entry) []*pb.StringStringEntryProto {
	var list []*pb.StringStringEntryProto
	for _, e := range entries {
		list = append(list, &pb.StringStringEntryProto{Key: &e.Key, Value: &e.Value})
	}
	return list
}

// text leaves an empty string out of the file.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// unwire decodes messages that were kept as they were.
func unwire[M proto.Message](e *encoder, wires [][]byte, fresh func() M) []M {
	var list []M
	for _, w := range wires {
		p := fresh()
		if err := proto.Unmarshal(w, p); err != nil && e.err == nil {
			e.err = fault.New(fault.Input, "", string(p.ProtoReflect().Descriptor().Name()), "cannot be encoded: %w", err)
		}
		list = append(list, p)
	}
	return list
}
