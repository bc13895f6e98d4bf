// Package onnxtest makes ONNX files that must be refused, for the tests of the
// reader and for those of the whole program. It writes protobuf by itself:
// what it makes owes nothing to the code under test.
package onnxtest

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// Case is one file that must be refused, with an error of kind Input in one
// line, within seconds and a few MiB.
type Case struct {
	ID   string // row of the list of faults
	Name string
	Data []byte
	Want string // regular expression that the error matches
}

// Cases makes every case, in a fixed order. Some files are tens of MB large.
func Cases() []Case {
	return append(Small(), wireCases()...)
}

// Small makes the cases whose files are small.
func Small() []Case {
	var all []Case
	for _, group := range [][]Case{strangerCases(), modelCases(), graphCases(), functionCases(), attributeCases(), tensorCases(), locationCases()} {
		all = append(all, group...)
	}
	return all
}

// tiny is the smallest useful model: y = x·w, x (N, 2), w (2, 3), y (N, 3).
func tiny() *pb.ModelProto {
	return &pb.ModelProto{
		IrVersion:    proto.Int64(8),
		ProducerName: proto.String("kdonnx"),
		OpsetImport:  []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}},
		Graph: &pb.GraphProto{
			Name:        proto.String("tiny"),
			Node:        []*pb.NodeProto{Node("n", "MatMul", "x,w", "y")},
			Initializer: []*pb.TensorProto{floats("w", []int64{2, 3}, 1, 2, 3, 4, 5, 6)},
			Input:       []*pb.ValueInfoProto{value("x", 2)},
			Output:      []*pb.ValueInfoProto{value("y", 3)},
		},
	}
}

// value is a float32 value of shape (N, n).
func value(name string, n int64) *pb.ValueInfoProto {
	batch := &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}}
	width := &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: n}}
	return &pb.ValueInfoProto{Name: &name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{
		ElemType: proto.Int32(1), Shape: &pb.TensorShapeProto{Dim: []*pb.TensorShapeProto_Dimension{batch, width}},
	}}}}
}

func floats(name string, dims []int64, v ...float32) *pb.TensorProto {
	t := &pb.TensorProto{Name: &name, Dims: dims, DataType: proto.Int32(1), RawData: []byte{}}
	for _, x := range v {
		t.RawData = binary.LittleEndian.AppendUint32(t.RawData, math.Float32bits(x))
	}
	return t
}

func int64s(dims []int64, v ...int64) *pb.TensorProto {
	t := &pb.TensorProto{Dims: dims, DataType: proto.Int32(7), RawData: []byte{}}
	for _, x := range v {
		t.RawData = binary.LittleEndian.AppendUint64(t.RawData, uint64(x))
	}
	return t
}

func wire(p proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
	if err != nil {
		panic(err) // proto2 messages without required fields always marshal
	}
	return b
}
