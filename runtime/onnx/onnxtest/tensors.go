package onnxtest

import (
	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

func tensorCases() []Case {
	dims := func(d ...int64) []byte { return Weight(func(w *pb.TensorProto) { w.Dims = d }) }
	typed := func(d pb.TensorProto_DataType, change func(*pb.TensorProto)) []byte {
		return Weight(func(w *pb.TensorProto) {
			w.RawData, w.DataType = nil, proto.Int32(int32(d))
			change(w)
		})
	}
	raw := func(d pb.TensorProto_DataType, n int64, bytes int) []byte {
		return typed(d, func(w *pb.TensorProto) { w.Dims, w.RawData = []int64{n}, make([]byte, bytes) })
	}
	sparse := func(change func(*pb.SparseTensorProto)) []byte {
		return GraphChanged(func(g *pb.GraphProto) {
			s := &pb.SparseTensorProto{Values: floats("s", []int64{2}, 1, 2), Indices: int64s([]int64{2}, 0, 5), Dims: []int64{2, 3}}
			change(s)
			g.SparseInitializer = []*pb.SparseTensorProto{s}
		})
	}
	return []Case{
		{"F-35", "raw_data too long", Weight(func(w *pb.TensorProto) { w.RawData = append(w.RawData, 0) }), `graph\.initializer\[0\] "w": holds 25 bytes, expected 24 for float32 of shape \[2 3\]`},
		{"F-35", "raw_data too short", Weight(func(w *pb.TensorProto) { w.RawData = w.RawData[:4] }), `holds 4 bytes, expected 24`},
		{"F-35", "no data", typed(pb.TensorProto_FLOAT, func(*pb.TensorProto) {}), `holds 0 bytes, expected 24`},
		{"F-35", "raw_data and float_data", Weight(func(w *pb.TensorProto) { w.FloatData = make([]float32, 6) }), `"w": has both float_data and raw_data`},
		{"F-35", "empty raw_data and float_data", Weight(func(w *pb.TensorProto) { w.RawData, w.FloatData = []byte{}, make([]float32, 6) }), `has both float_data and raw_data`},
		{"F-35", "float_data and int32_data", typed(pb.TensorProto_FLOAT, func(w *pb.TensorProto) { w.FloatData, w.Int32Data = make([]float32, 6), []int32{1} }), `has both float_data and int32_data|float32 elements are in int32_data`},
		{"F-35", "data in the wrong field", typed(pb.TensorProto_FLOAT, func(w *pb.TensorProto) { w.Int32Data = make([]int32, 6) }), `float32 elements are in int32_data, expected float_data`},
		{"F-35", "strings in raw_data", Weight(func(w *pb.TensorProto) { w.DataType = proto.Int32(8) }), `string elements are in raw_data, expected string_data`},
		{"F-35", "strings of the wrong count", typed(pb.TensorProto_STRING, func(w *pb.TensorProto) { w.StringData = [][]byte{{1}} }), `holds 1 strings, expected 6`},
		{"F-35", "float_data of the wrong count", typed(pb.TensorProto_FLOAT, func(w *pb.TensorProto) { w.FloatData = make([]float32, 5) }), `holds 20 bytes, expected 24`},
		{"F-35", "int4 of odd size", raw(pb.TensorProto_INT4, 5, 2), `holds 2 bytes, expected 3 for int4 of shape \[5\]`},
		{"F-35", "uint2 of odd size", raw(pb.TensorProto_UINT2, 5, 1), `holds 1 bytes, expected 2`},
		{"F-35", "bfloat16 of odd size", raw(pb.TensorProto_BFLOAT16, 3, 5), `holds 5 bytes, expected 6 for bfloat16`},
		{"F-35", "complex128 short", raw(pb.TensorProto_COMPLEX128, 1, 8), `holds 8 bytes, expected 16`},
		{"F-35", "int8 out of range", typed(pb.TensorProto_INT8, func(w *pb.TensorProto) { w.Int32Data = []int32{0, 0, 0, 0, 0, 300} }), `element 5 is 300, which is no int8`},
		{"F-35", "int16 out of range", typed(pb.TensorProto_INT16, func(w *pb.TensorProto) { w.Int32Data = []int32{0, 0, 0, 0, -1<<15 - 1, 0} }), `element 4 is -32769, which is no int16`},
		{"F-35", "uint32 out of range", typed(pb.TensorProto_UINT32, func(w *pb.TensorProto) { w.Uint64Data = []uint64{0, 0, 0, 0, 0, 1 << 32} }), `element 5 is 4294967296, which is no uint32`},
		{"F-35", "element type 0", Weight(func(w *pb.TensorProto) { w.DataType = proto.Int32(0) }), `unknown element type 0`},
		{"F-35", "element type 27", Weight(func(w *pb.TensorProto) { w.DataType = proto.Int32(27) }), `unknown element type 27`},
		{"F-35", "element type -1", Weight(func(w *pb.TensorProto) { w.DataType = proto.Int32(-1) }), `unknown element type -1`},
		{"F-35", "negative axis", dims(-1, 3), `axis 0 has length -1`},
		{"F-35", "shape overflows", dims(1<<32, 1<<32), `does not fit 64 bits`},
		{"F-35", "bytes overflow", dims(1<<31, 1<<31), `does not fit 64 bits`},
		{"F-35", "petabyte", dims(1 << 50), `holds 24 bytes, expected 4503599627370496`},
		{"F-35", "rank 17", dims(make([]int64, 17)...), `has 17 axes, limit 16`},
		{"F-35", "segment", Weight(func(w *pb.TensorProto) { w.Segment = &pb.TensorProto_Segment{} }), `is a segment`},
		{"F-35", "bad tensor in a function", Functions(&pb.FunctionProto{Name: proto.String("A"), Node: []*pb.NodeProto{Node("c", "Constant", "", "v", TensorAttr(&pb.TensorProto{Dims: []int64{9}, DataType: proto.Int32(1)}))}}),
			`functions\[0\] "A"\.node\[0\] "c"\.attribute\[0\] "value"\.t: holds 0 bytes, expected 36`},
		{"F-35", "sparse without values", sparse(func(s *pb.SparseTensorProto) { s.Values = nil }), `sparse_initializer\[0\]: sparse tensor without values`},
		{"F-35", "sparse index out of range", sparse(func(s *pb.SparseTensorProto) { s.Dims = []int64{2, 2} }), `sparse_initializer\[0\] "s"\.indices: element 1 is 5, expected 0 to 3`},
		{"F-35", "sparse index one too far", sparse(func(s *pb.SparseTensorProto) { s.Dims = []int64{5} }), `element 1 is 5, expected 0 to 4`},
		{"F-35", "sparse coordinate one too far", sparse(func(s *pb.SparseTensorProto) {
			s.Indices.Dims, s.Indices.RawData = []int64{2, 2}, int64s([]int64{4}, 1, 2, 0, 3).RawData
		}), `element 3 is 3, expected 0 to 2`},
		{"F-35", "sparse index negative", sparse(func(s *pb.SparseTensorProto) { s.Indices.RawData[7] = 0x80 }), `element 0 is -9223372036854775808`},
		{"F-35", "sparse indices of the wrong shape", sparse(func(s *pb.SparseTensorProto) { s.Indices.Dims = []int64{1, 2} }), `indices are int64 of shape \[1 2\], expected`},
		{"F-35", "sparse indices of the wrong type", sparse(func(s *pb.SparseTensorProto) { s.Indices.DataType = proto.Int32(13) }), `indices are uint64`},
		{"F-35", "sparse with more values than places", sparse(func(s *pb.SparseTensorProto) { s.Dims = []int64{1} }), `expected one axis of at most 1`},
		{"F-35", "sparse shape overflows", sparse(func(s *pb.SparseTensorProto) { s.Dims = []int64{1 << 40, 1 << 40} }), `does not fit 64 bits`},
	}
}
