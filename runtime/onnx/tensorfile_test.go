package onnx

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// TestParseTensor reads a tensor of its own and refuses what is none, each in
// one line that names file and cause.
func TestParseTensor(t *testing.T) {
	encode := func(p *pb.TensorProto) []byte {
		b, err := proto.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	float := proto.Int32(int32(Float32))
	good := encode(&pb.TensorProto{Name: proto.String("x"), Dims: []int64{2, 1}, DataType: float, FloatData: []float32{1, -2}})
	x, err := ParseTensor("input_0.pb", good)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := x.Float32s(); err != nil || !reflect.DeepEqual(v, []float32{1, -2}) || x.Name != "x" || !reflect.DeepEqual(x.Dims, []int64{2, 1}) {
		t.Errorf("got %q %v %v, %v", x.Name, x.Dims, v, err)
	}
	for want, data := range map[string][]byte{
		`^input_0\.pb: .*truncated`:        good[:len(good)-1],
		`holds 4 bytes, expected 8`:        encode(&pb.TensorProto{Dims: []int64{2}, DataType: float, FloatData: []float32{1}}),
		`unknown element type 77`:          encode(&pb.TensorProto{DataType: proto.Int32(77)}),
		`its bytes are external`:           encode(&pb.TensorProto{DataType: float, DataLocation: pb.TensorProto_EXTERNAL.Enum(), ExternalData: []*pb.StringStringEntryProto{{Key: proto.String("location"), Value: proto.String("w.bin")}}}),
		`axis 0 has length -1`:             encode(&pb.TensorProto{Dims: []int64{-1}, DataType: float}),
		`elements are in int64_data`:       encode(&pb.TensorProto{Dims: []int64{1}, DataType: float, Int64Data: []int64{1}}),
		`shape \[\d+ \d+\] .*64 bits`:      encode(&pb.TensorProto{Dims: []int64{1 << 62, 1 << 62}, DataType: float}),
		`byte 1, .*wire type 6`:            []byte("no tensor at all"),
		`segment of a tensor`:              encode(&pb.TensorProto{Dims: []int64{1}, DataType: float, Segment: &pb.TensorProto_Segment{}, FloatData: []float32{1}}),
		`has both float_data and raw_data`: encode(&pb.TensorProto{Dims: []int64{1}, DataType: float, FloatData: []float32{1}, RawData: make([]byte, 4)}),
	} {
		refuse(t, len(data), want, func() error {
			_, err := ParseTensor("input_0.pb", data)
			if err != nil && fault.KindOf(err) != fault.Input {
				t.Errorf("%v is of kind %d", err, fault.KindOf(err))
			}
			return err
		})
	}
}
