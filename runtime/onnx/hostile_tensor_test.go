package onnx

import (
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

func tensorCases() []hostile {
	dims := func(d ...int64) []byte { return weight(func(w *pb.TensorProto) { w.Dims = d }) }
	typed := func(d DType, change func(*pb.TensorProto)) []byte {
		return weight(func(w *pb.TensorProto) {
			w.RawData, w.DataType = nil, proto.Int32(int32(d))
			change(w)
		})
	}
	raw := func(d DType, n int64, bytes int) []byte {
		return typed(d, func(w *pb.TensorProto) { w.Dims, w.RawData = []int64{n}, make([]byte, bytes) })
	}
	sparse := func(change func(*pb.SparseTensorProto)) []byte {
		return graphChanged(func(g *pb.GraphProto) {
			s := encodeSparse(&SparseTensor{FloatTensor("s", []int64{2}, []float32{1, 2}), Int64Tensor("", []int64{2}, []int64{0, 5}), []int64{2, 3}})
			change(s)
			g.SparseInitializer = []*pb.SparseTensorProto{s}
		})
	}
	return []hostile{
		{"raw_data too long", weight(func(w *pb.TensorProto) { w.RawData = append(w.RawData, 0) }), `graph\.initializer\[0\] "w": holds 25 bytes, expected 24 for float32 of shape \[2 3\]`},
		{"raw_data too short", weight(func(w *pb.TensorProto) { w.RawData = w.RawData[:4] }), `holds 4 bytes, expected 24`},
		{"no data", typed(Float32, func(*pb.TensorProto) {}), `holds 0 bytes, expected 24`},
		{"raw_data and float_data", weight(func(w *pb.TensorProto) { w.FloatData = make([]float32, 6) }), `"w": has both float_data and raw_data`},
		{"empty raw_data and float_data", weight(func(w *pb.TensorProto) { w.RawData, w.FloatData = []byte{}, make([]float32, 6) }), `has both float_data and raw_data`},
		{"float_data and int32_data", typed(Float32, func(w *pb.TensorProto) { w.FloatData, w.Int32Data = make([]float32, 6), []int32{1} }), `has both float_data and int32_data|float32 elements are in int32_data`},
		{"data in the wrong field", typed(Float32, func(w *pb.TensorProto) { w.Int32Data = make([]int32, 6) }), `float32 elements are in int32_data, expected float_data`},
		{"strings in raw_data", weight(func(w *pb.TensorProto) { w.DataType = proto.Int32(8) }), `string elements are in raw_data, expected string_data`},
		{"strings of the wrong count", typed(String, func(w *pb.TensorProto) { w.StringData = [][]byte{{1}} }), `holds 1 strings, expected 6`},
		{"float_data of the wrong count", typed(Float32, func(w *pb.TensorProto) { w.FloatData = make([]float32, 5) }), `holds 20 bytes, expected 24`},
		{"int4 of odd size", raw(Int4, 5, 2), `holds 2 bytes, expected 3 for int4 of shape \[5\]`},
		{"uint2 of odd size", raw(Uint2, 5, 1), `holds 1 bytes, expected 2`},
		{"bfloat16 of odd size", raw(BFloat16, 3, 5), `holds 5 bytes, expected 6 for bfloat16`},
		{"complex128 short", raw(Complex128, 1, 8), `holds 8 bytes, expected 16`},
		{"int8 out of range", typed(Int8, func(w *pb.TensorProto) { w.Int32Data = []int32{0, 0, 0, 0, 0, 300} }), `element 5 is 300, which is no int8`},
		{"int16 out of range", typed(Int16, func(w *pb.TensorProto) { w.Int32Data = []int32{0, 0, 0, 0, -1<<15 - 1, 0} }), `element 4 is -32769, which is no int16`},
		{"uint32 out of range", typed(Uint32, func(w *pb.TensorProto) { w.Uint64Data = []uint64{0, 0, 0, 0, 0, 1 << 32} }), `element 5 is 4294967296, which is no uint32`},
		{"element type 0", weight(func(w *pb.TensorProto) { w.DataType = proto.Int32(0) }), `unknown element type 0`},
		{"element type 27", weight(func(w *pb.TensorProto) { w.DataType = proto.Int32(27) }), `unknown element type 27`},
		{"element type -1", weight(func(w *pb.TensorProto) { w.DataType = proto.Int32(-1) }), `unknown element type -1`},
		{"negative axis", dims(-1, 3), `axis 0 has length -1`},
		{"shape overflows", dims(1<<32, 1<<32), `does not fit 64 bits`},
		{"bytes overflow", dims(1<<31, 1<<31), `does not fit 64 bits`},
		{"petabyte", dims(1 << 50), `holds 24 bytes, expected 4503599627370496`},
		{"rank 17", dims(make([]int64, 17)...), `has 17 axes, limit 16`},
		{"segment", weight(func(w *pb.TensorProto) { w.Segment = &pb.TensorProto_Segment{} }), `is a segment`},
		{"bad tensor in a function", functions(&pb.FunctionProto{Name: proto.String("A"), Node: []*pb.NodeProto{node("c", "Constant", "", "v", tensorAttr(&pb.TensorProto{Dims: []int64{9}, DataType: proto.Int32(1)}))}}),
			`functions\[0\] "A"\.node\[0\] "c"\.attribute\[0\] "value"\.t: holds 0 bytes, expected 36`},
		{"sparse without values", sparse(func(s *pb.SparseTensorProto) { s.Values = nil }), `sparse_initializer\[0\]: sparse tensor without values`},
		{"sparse index out of range", sparse(func(s *pb.SparseTensorProto) { s.Dims = []int64{2, 2} }), `sparse_initializer\[0\] "s"\.indices: element 1 is 5, expected 0 to 3`},
		{"sparse index one too far", sparse(func(s *pb.SparseTensorProto) { s.Dims = []int64{5} }), `element 1 is 5, expected 0 to 4`},
		{"sparse coordinate one too far", sparse(func(s *pb.SparseTensorProto) {
			s.Indices.Dims, s.Indices.RawData = []int64{2, 2}, Int64Tensor("", []int64{4}, []int64{1, 2, 0, 3}).Data
		}), `element 3 is 3, expected 0 to 2`},
		{"sparse index negative", sparse(func(s *pb.SparseTensorProto) { s.Indices.RawData[7] = 0x80 }), `element 0 is -9223372036854775808`},
		{"sparse indices of the wrong shape", sparse(func(s *pb.SparseTensorProto) { s.Indices.Dims = []int64{1, 2} }), `indices are int64 of shape \[1 2\], expected`},
		{"sparse indices of the wrong type", sparse(func(s *pb.SparseTensorProto) { s.Indices.DataType = proto.Int32(13) }), `indices are uint64`},
		{"sparse with more values than places", sparse(func(s *pb.SparseTensorProto) { s.Dims = []int64{1} }), `expected one axis of at most 1`},
		{"sparse shape overflows", sparse(func(s *pb.SparseTensorProto) { s.Dims = []int64{1 << 40, 1 << 40} }), `does not fit 64 bits`},
	}
}

func tensorAttr(t *pb.TensorProto) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String("value"), Type: pb.AttributeProto_TENSOR.Enum(), T: t}
}

// outside makes t external with the given keys and values.
func outside(t *pb.TensorProto, kv ...string) *pb.TensorProto {
	t.RawData, t.DataLocation, t.ExternalData = nil, pb.TensorProto_EXTERNAL.Enum(), nil
	for i := 0; i < len(kv); i += 2 {
		t.ExternalData = append(t.ExternalData, &pb.StringStringEntryProto{Key: &kv[i], Value: &kv[i+1]})
	}
	return t
}

// locationCases are refused by what they say, before any file is looked at.
func locationCases() []hostile {
	var cases []hostile
	for _, location := range []string{
		"", "../../../etc/passwd", "sub/../../x", "./../x", "a//../../x", "..", "a/..", "/etc/passwd", "//host/x",
		`C:\x`, `C:x`, `\\host\x`, `..\x`, `a\b`, "file:///x", "http://host/x", "NUL", "nul.bin", "CON", "con.tar.gz", "aux/x", "x/PRN",
		"COM1", "lpt9.txt", "COM¹", "CONIN$", "NUL .txt", "x.", "x ", "x./y", "a//b", "a/", ".", "./", "a\x00b", "a\nb", "\xff\xfe",
		"*/_ORT_MEM_ADDR_/*", "a?b", "a|b", `a"b`, "<a>", "a:stream", strings.Repeat("x/", 3000) + "x",
	} {
		cases = append(cases, hostile{
			fmt.Sprintf("location %.40q", location),
			weight(func(w *pb.TensorProto) { outside(w, "location", location, "offset", "0", "length", "24") }),
			`graph\.initializer\[0\] "w"\.external_data: location .* expected a file in the model's folder`,
		})
	}
	key := func(name, want string, kv ...string) {
		cases = append(cases, hostile{name, weight(func(w *pb.TensorProto) { outside(w, kv...) }), `"w"\.external_data: ` + want})
	}
	for _, bad := range []string{"-1", "abc", "1e3", "", "0x10", " 1", "+1", "1.0", "9223372036854775808", "99999999999999999999999", "١"} {
		key("offset "+bad, `offset is .*, expected`, "location", "w.bin", "offset", bad, "length", "24")
		key("length "+bad, `length is .*, expected`, "location", "w.bin", "length", bad)
	}
	key("offset + length wraps", `offset 9223372036854775807 \+ length 24 does not fit`, "location", "w.bin", "offset", fmt.Sprint(int64(math.MaxInt64)), "length", "24")
	key("length petabyte", `length is 1125899906842624, expected 24`, "location", "w.bin", "length", fmt.Sprint(int64(1)<<50))
	key("length of another shape", `length is 23, expected 24 for float32 of shape \[2 3\]`, "location", "w.bin", "length", "23")
	key("unknown key", `unknown key "__class__"`, "location", "w.bin", "__class__", "x")
	key("key twice", `key "location" is there twice`, "location", "w.bin", "location", "v.bin")
	key("no location", `location "" is empty`, "length", "24")
	key("no keys", `location "" is empty`)

	bad := func() *pb.TensorProto {
		return outside(&pb.TensorProto{Name: proto.String("q"), Dims: []int64{1}, DataType: proto.Int32(1)}, "location", "../x")
	}
	indices := func() *pb.TensorProto { return encodeTensor(Int64Tensor("", []int64{1}, []int64{0})) }
	at := func(name, want string, data []byte) {
		cases = append(cases, hostile{"external data in " + name, data, want + `\.external_data: location "../x" leads out`})
	}
	at("an attribute", `attribute\[0\] "value"\.t "q"`, graphChanged(func(g *pb.GraphProto) { g.Node[0].Attribute = []*pb.AttributeProto{tensorAttr(bad())} }))
	at("a list of tensors", `attribute\[0\] "l"\.tensors\[0\] "q"`, graphChanged(func(g *pb.GraphProto) {
		g.Node[0].Attribute = []*pb.AttributeProto{{Name: proto.String("l"), Tensors: []*pb.TensorProto{bad()}}}
	}))
	at("a sparse initializer", `sparse_initializer\[0\] "q"\.values "q"`, graphChanged(func(g *pb.GraphProto) {
		g.SparseInitializer = []*pb.SparseTensorProto{{Values: bad(), Indices: indices(), Dims: []int64{4}}}
	}))
	at("a sparse attribute", `sparse_tensor\.values "q"`, graphChanged(func(g *pb.GraphProto) {
		g.Node[0].Attribute = []*pb.AttributeProto{{Name: proto.String("s"), SparseTensor: &pb.SparseTensorProto{Values: bad(), Indices: indices(), Dims: []int64{4}}}}
	}))
	at("a function", `functions\[0\] "A"\.node\[0\]\.attribute\[0\] "value"\.t "q"`, functions(&pb.FunctionProto{Name: proto.String("A"), Node: []*pb.NodeProto{node("", "Constant", "", "v", tensorAttr(bad()))}}))
	at("a function's default", `functions\[0\] "A"\.attribute_proto\[0\] "value"\.t "q"`, functions(&pb.FunctionProto{Name: proto.String("A"), AttributeProto: []*pb.AttributeProto{tensorAttr(bad())}}))
	at("a subgraph", `"then_branch"\.g\.initializer\[0\] "q"`, graphChanged(func(g *pb.GraphProto) {
		g.Node = append(g.Node, node("if", "If", "x", "z", graphAttr("then_branch", &pb.GraphProto{Initializer: []*pb.TensorProto{bad()}})))
	}))
	at("a training graph", `training_info\[0\]\.algorithm\.initializer\[0\] "q"`, changed(func(p *pb.ModelProto) {
		p.TrainingInfo = []*pb.TrainingInfoProto{{Algorithm: &pb.GraphProto{Initializer: []*pb.TensorProto{bad()}}}}
	}))
	cases = append(cases,
		hostile{"external and raw_data", weight(func(w *pb.TensorProto) {
			outside(w, "location", "w.bin")
			w.RawData = make([]byte, 24)
		}), `has both external data and raw_data`},
		hostile{"external data not said to be", weight(func(w *pb.TensorProto) {
			outside(w, "location", "w.bin")
			w.DataLocation, w.RawData = nil, make([]byte, 24)
		}), `has external_data, but data_location is not EXTERNAL`},
		hostile{"external strings", weight(func(w *pb.TensorProto) {
			outside(w, "location", "w.bin")
			w.DataType = proto.Int32(8)
		}), `strings cannot be external`},
	)
	return cases
}
