package onnx

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// tiny is the smallest useful model: y = x·w, x (N, 2), w (2, 3), y (N, 3).
func tiny() *Model {
	return &Model{
		IRVersion: 8, ProducerName: "kdonnx", Opsets: []Opset{{"", 17}},
		Graph: &Graph{
			Name:         "tiny",
			Nodes:        []*Node{{Name: "n", OpType: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
			Initializers: []*Tensor{FloatTensor("w", []int64{2, 3}, []float32{1, 2, 3, 4, 5, 6})},
			Inputs:       []*Value{floatValue("x", 2)},
			Outputs:      []*Value{floatValue("y", 3)},
		},
	}
}

// floatValue is a float32 value of shape (N, n).
func floatValue(name string, n int64) *Value {
	return &Value{Name: name, Kind: KindTensor, DType: Float32, HasShape: true, Shape: []Dim{{Value: -1, Param: "N"}, {Value: n}}}
}

// full uses every part of a model at least once.
func full() *Model {
	scalar := func(name string, d DType) *Value {
		return &Value{Name: name, Kind: KindTensor, DType: d, HasShape: true}
	}
	branch := func(name, op string) *Graph {
		return &Graph{
			Name:    name,
			Nodes:   []*Node{{Name: name + "_node", OpType: op, Inputs: []string{"h"}, Outputs: []string{name + "_y"}}},
			Outputs: []*Value{floatValue(name+"_y", 3)},
		}
	}
	sparse := func(name string) *SparseTensor {
		return &SparseTensor{
			Values: FloatTensor(name, []int64{2}, []float32{0.5, -1}), Indices: Int64Tensor("", []int64{2, 2}, []int64{0, 1, 1, 2}), Dims: []int64{2, 3},
		}
	}
	floatType := wire(&pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(1)}}})
	m := &Model{
		IRVersion: 10, ProducerName: "kdonnx", ProducerVersion: "1", Domain: "org.kdonnx", ModelVersion: 3, Doc: "every part",
		Opsets:   []Opset{{"", 18}, {"ai.onnx.ml", 3}, {"local", 1}},
		Metadata: []Entry{{"a", "1"}, {"b", ""}},
		Graph: &Graph{
			Name: "full", Doc: "graph", Metadata: []Entry{{"k", "v"}},
			Initializers: []*Tensor{
				FloatTensor("w", []int64{2, 3}, []float32{1, 2, 3, 4, 5, 6}),
				Int64Tensor("shape", []int64{2}, []int64{-1, 3}),
				{Name: "labels", DType: String, Dims: []int64{2}, Strings: [][]byte{[]byte("no"), []byte("yes")}, Doc: "classes", Metadata: []Entry{{"m", "n"}}},
				{Name: "empty", DType: Float16, Dims: []int64{0, 4}, Data: []byte{}},
				{Name: "packed", DType: Int4, Dims: []int64{3}, Data: []byte{0x21, 0x03}},
			},
			Sparse: []*SparseTensor{sparse("sparse_w")},
			Inputs: []*Value{
				floatValue("x", 2), scalar("flag", Bool),
				{Name: "w", Kind: KindTensor, DType: Float32, Metadata: []Entry{{"p", "q"}}},
				{Name: "image", Kind: KindTensor, DType: Float32, HasShape: true, Denotation: "IMAGE", Shape: []Dim{{Value: 1, Denotation: "DATA_BATCH"}, {Value: -1}}},
			},
			Outputs: []*Value{
				floatValue("y", 3),
				{Name: "zip", Kind: KindSequence, DType: Float32, KeyDType: Int64},
			},
			ValueInfo: []*Value{
				{Name: "h", Kind: KindUnknown, Doc: "hidden"},
				{Name: "opt", Kind: KindOptional, DType: Float32},
				{Name: "map", Kind: KindMap, DType: Float32, KeyDType: String},
				{Name: "sp", Kind: KindSparseTensor, DType: Float64, HasShape: true, Shape: []Dim{{Value: 4}}},
				{Name: "deep", Kind: KindSequence, TypeProto: wire(&pb.TypeProto{Value: &pb.TypeProto_SequenceType{SequenceType: &pb.TypeProto_Sequence{ElemType: &pb.TypeProto{Value: &pb.TypeProto_OptionalType{OptionalType: &pb.TypeProto_Optional{}}}}}})},
			},
			Annotations: []Annotation{{"w", []Entry{{"SCALE_TENSOR", "s"}}}},
			Nodes: []*Node{
				{Name: "m", OpType: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"h"}, Doc: "first"},
				{Name: "if", OpType: "If", Inputs: []string{"flag"}, Outputs: []string{"g"}, Attrs: []*Attr{
					GraphAttr("then_branch", branch("then", "Relu")), GraphAttr("else_branch", branch("else", "Tanh")),
				}},
				{Name: "call", OpType: "Twice", Domain: "local", Inputs: []string{"g"}, Outputs: []string{"y"}, Attrs: []*Attr{FloatAttr("by", 2)}},
				{Name: "clip", OpType: "Clip", Inputs: []string{"y", "", "w"}, Outputs: []string{"c"}},
				{Name: "zipmap", OpType: "ZipMap", Domain: "ai.onnx.ml", Inputs: []string{"c"}, Outputs: []string{"zip"}, Metadata: []Entry{{"from", "test"}}, Overload: "o", Attrs: []*Attr{
					IntsAttr("ints", 1, -2, math.MaxInt64), IntAttr("int", -7), StringAttr("string", "ö"), StringAttr("none", ""),
					{Name: "floats", Type: AttrFloats, Floats: []float32{1, -0.5}, Doc: "two"},
					{Name: "strings", Type: AttrStrings, Strings: [][]byte{[]byte("a"), {}}},
					TensorAttr("tensor", FloatTensor("t", nil, []float32{3})),
					{Name: "tensors", Type: AttrTensors, Tensors: []*Tensor{Int64Tensor("", []int64{1}, []int64{4})}},
					{Name: "sparse", Type: AttrSparseTensor, Sparse: sparse("s1")},
					{Name: "sparses", Type: AttrSparseTensors, Sparses: []*SparseTensor{sparse("s2")}},
					{Name: "graphs", Type: AttrGraphs, Graphs: []*Graph{branch("more", "Abs")}},
					{Name: "type", Type: AttrTypeProto, Types: [][]byte{floatType}},
					{Name: "types", Type: AttrTypeProtos, Types: [][]byte{floatType, floatType}},
				}, Configurations: [][]byte{wire(&pb.NodeDeviceConfigurationProto{ConfigurationId: proto.String("c")})}},
			},
		},
		Functions: []*Function{{
			Domain: "local", Name: "Twice", Doc: "x·by", Inputs: []string{"X"}, Outputs: []string{"Y"}, AttrNames: []string{"by"},
			AttrDefaults: []*Attr{FloatAttr("eps", 1e-5)}, Opsets: []Opset{{"", 18}}, Metadata: []Entry{{"f", "g"}},
			ValueInfo: []*Value{floatValue("B", 1)},
			Nodes: []*Node{
				{OpType: "Constant", Outputs: []string{"B"}, Attrs: []*Attr{{Name: "value_float", Type: AttrFloat, Ref: "by"}}},
				{OpType: "Mul", Inputs: []string{"X", "B"}, Outputs: []string{"Y"}},
			},
		}},
		Training: []*Training{{
			Algorithm: &Graph{Name: "step", Initializers: []*Tensor{FloatTensor("lr", nil, []float32{0.1})}}, UpdateBinding: []Entry{{"w", "w2"}},
		}},
		Configurations: [][]byte{wire(&pb.DeviceConfigurationProto{Name: proto.String("c"), NumDevices: proto.Int32(2)})},
	}
	return m
}

// bytesOf marshals a model that is as it should be.
func bytesOf(t testing.TB, m *Model) []byte {
	t.Helper()
	data, err := Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	for name, m := range map[string]*Model{"tiny": tiny(), "full": full()} {
		t.Run(name, func(t *testing.T) { roundTrip(t, m) })
	}
}

// TestGolden holds the bytes of the tiny model, so that no change to the
// encoder passes unseen. Written out with protoc --decode_raw they read:
// ir_version, producer_name, graph{node{...}, name, initializer, input, output}, opset_import.
func TestGolden(t *testing.T) {
	const want = "" +
		"\x08\x08" + // ir_version 8
		"\x12\x06kdonnx" + // producer_name
		"\x3a\x6d" + // graph, 109 bytes
		"\x0a\x14" + "\x0a\x01x" + "\x0a\x01w" + "\x12\x01y" + "\x1a\x01n" + "\x22\x06MatMul" + // node
		"\x12\x04tiny" + // name
		"\x2a\x23" + "\x08\x02\x08\x03" + "\x10\x01" + "\x42\x01w" + "\x4a\x18" + // initializer: dims, type, name, raw_data
		"\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40\x00\x00\xa0\x40\x00\x00\xc0\x40" +
		"\x5a\x14" + "\x0a\x01x" + "\x12\x0f\x0a\x0d\x08\x01\x12\x09\x0a\x03\x12\x01N\x0a\x02\x08\x02" + // input
		"\x62\x14" + "\x0a\x01y" + "\x12\x0f\x0a\x0d\x08\x01\x12\x09\x0a\x03\x12\x01N\x0a\x02\x08\x03" + // output
		"\x42\x04\x0a\x00\x10\x11" // opset_import "" 17
	if got := string(bytesOf(t, tiny())); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
