package onnx

import (
	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

func (d *decoder) values(at *loc, field string, list []*pb.ValueInfoProto) []*Value {
	var values []*Value
	for i, p := range list {
		v := &Value{Name: p.GetName(), Kind: KindUnknown, Doc: p.GetDocString(), Metadata: entries(p.MetadataProps)}
		if p.Type != nil {
			d.valueType(at.at(field, i, v.Name), v, p.Type)
		}
		values = append(values, v)
	}
	return values
}

// valueType fills in v's type, and keeps the message where v cannot say it.
func (d *decoder) valueType(at *loc, v *Value, p *pb.TypeProto) {
	v.Denotation = p.GetDenotation()
	switch t := p.Value.(type) {
	case *pb.TypeProto_TensorType:
		v.Kind, v.DType = KindTensor, d.dtype(at, t.TensorType.GetElemType())
		v.HasShape, v.Shape = shape(t.TensorType.GetShape())
	case *pb.TypeProto_SparseTensorType:
		v.Kind, v.DType = KindSparseTensor, d.dtype(at, t.SparseTensorType.GetElemType())
		v.HasShape, v.Shape = shape(t.SparseTensorType.GetShape())
	case *pb.TypeProto_SequenceType:
		v.Kind = KindSequence
		v.KeyDType, v.DType = d.inner(at, t.SequenceType.GetElemType())
	case *pb.TypeProto_MapType:
		v.Kind = KindMap
		v.KeyDType, v.DType = d.inner(at, p)
	case *pb.TypeProto_OptionalType:
		v.Kind = KindOptional
		v.KeyDType, v.DType = d.inner(at, t.OptionalType.GetElemType())
	}
	if !proto.Equal(typeProto(v), p) {
		v.TypeProto = wire(p)
	}
}

// inner gives the element types of what a sequence, map or optional holds.
func (d *decoder) inner(at *loc, p *pb.TypeProto) (key, value DType) {
	switch t := p.GetValue().(type) {
	case *pb.TypeProto_TensorType:
		value = d.dtype(at, t.TensorType.GetElemType())
	case *pb.TypeProto_MapType:
		key = d.dtype(at, t.MapType.GetKeyType())
		_, value = d.inner(at, t.MapType.GetValueType())
	}
	return key, value
}

// dtype refuses element types that the specification does not have. 0 is what
// writers give a value whose type they do not know.
func (d *decoder) dtype(at *loc, n int32) DType {
	if n != 0 && !DType(n).Known() {
		d.fail(at, "unknown element type %d", n)
	}
	return DType(n)
}

func shape(p *pb.TensorShapeProto) (has bool, dims []Dim) {
	for _, s := range p.GetDim() {
		dim := Dim{Value: -1, Param: s.GetDimParam(), Denotation: s.GetDenotation()}
		if n, ok := s.Value.(*pb.TensorShapeProto_Dimension_DimValue); ok {
			dim.Value = max(n.DimValue, -1) // some writers say -1 or -2 for unknown
		}
		dims = append(dims, dim)
	}
	return p != nil, dims
}
