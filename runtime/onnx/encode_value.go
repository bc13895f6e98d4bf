package onnx

import "github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"

func (e *encoder) values(values []*Value) []*pb.ValueInfoProto {
	var list []*pb.ValueInfoProto
	for _, v := range values {
		p := &pb.ValueInfoProto{Name: text(v.Name), DocString: text(v.Doc), MetadataProps: encodeEntries(v.Metadata)}
		if v.TypeProto != nil {
			p.Type = unwire(e, [][]byte{v.TypeProto}, func() *pb.TypeProto { return new(pb.TypeProto) })[0]
		} else if v.Kind != KindUnknown {
			p.Type = typeProto(v)
		}
		list = append(list, p)
	}
	return list
}

// typeProto spells out v's type from its fields.
func typeProto(v *Value) *pb.TypeProto {
	p := &pb.TypeProto{Denotation: text(v.Denotation)}
	switch v.Kind {
	case KindTensor:
		p.Value = &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{ElemType: number(v.DType), Shape: encodeShape(v)}}
	case KindSparseTensor:
		p.Value = &pb.TypeProto_SparseTensorType{SparseTensorType: &pb.TypeProto_SparseTensor{ElemType: number(v.DType), Shape: encodeShape(v)}}
	case KindSequence:
		p.Value = &pb.TypeProto_SequenceType{SequenceType: &pb.TypeProto_Sequence{ElemType: innerProto(v)}}
	case KindMap:
		p.Value = innerProto(v).Value
	case KindOptional:
		p.Value = &pb.TypeProto_OptionalType{OptionalType: &pb.TypeProto_Optional{ElemType: innerProto(v)}}
	}
	return p
}

// innerProto is the tensor or the map of tensors that v holds.
func innerProto(v *Value) *pb.TypeProto {
	elem := &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{ElemType: number(v.DType)}}}
	if v.KeyDType == Undefined && v.Kind != KindMap {
		return elem
	}
	return &pb.TypeProto{Value: &pb.TypeProto_MapType{MapType: &pb.TypeProto_Map{KeyType: number(v.KeyDType), ValueType: elem}}}
}

func encodeShape(v *Value) *pb.TensorShapeProto {
	if !v.HasShape {
		return nil
	}
	p := new(pb.TensorShapeProto)
	for _, d := range v.Shape {
		dim := &pb.TensorShapeProto_Dimension{Denotation: text(d.Denotation)}
		switch {
		case d.Param != "":
			dim.Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: d.Param}
		case d.Value >= 0:
			dim.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: d.Value}
		}
		p.Dim = append(p.Dim, dim)
	}
	return p
}

func number(d DType) *int32 {
	n := int32(d)
	return &n
}
