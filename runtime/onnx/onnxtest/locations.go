package onnxtest

import (
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// locationCases are refused by what they say, before any file is looked at.
func locationCases() []Case {
	var cases []Case
	for _, location := range []string{
		"", "../../../etc/passwd", "sub/../../x", "./../x", "a//../../x", "..", "a/..", "/etc/passwd", "//host/x",
		`C:\x`, `C:x`, `\\host\x`, `..\x`, `a\b`, "file:///x", "http://host/x", "NUL", "nul.bin", "CON", "con.tar.gz", "aux/x", "x/PRN",
		"COM1", "lpt9.txt", "COM¹", "CONIN$", "NUL .txt", "x.", "x ", "x./y", "a//b", "a/", ".", "./", "a\x00b", "a\nb", "\xff\xfe",
		"*/_ORT_MEM_ADDR_/*", "a?b", "a|b", `a"b`, "<a>", "a:stream", strings.Repeat("x/", 3000) + "x",
	} {
		id := "F-22"
		if strings.Contains(location, "..") && !strings.Contains(location, `\\`) {
			id = "F-21"
		}
		if location == "../../../etc/passwd" {
			id = "F-20"
		}
		cases = append(cases, Case{
			id, fmt.Sprintf("location %.40q", location),
			Weight(func(w *pb.TensorProto) { Outside(w, "location", location, "offset", "0", "length", "24") }),
			`graph\.initializer\[0\] "w"\.external_data: location .* expected a file in the model's folder`,
		})
	}
	key := func(id, name, want string, kv ...string) {
		cases = append(cases, Case{id, name, Weight(func(w *pb.TensorProto) { Outside(w, kv...) }), `"w"\.external_data: ` + want})
	}
	for _, bad := range []string{"-1", "abc", "1e3", "", "0x10", " 1", "+1", "1.0", "9223372036854775808", "99999999999999999999999", "١"} {
		key("F-28", "offset "+bad, `offset is .*, expected`, "location", "w.bin", "offset", bad, "length", "24")
		key("F-28", "length "+bad, `length is .*, expected`, "location", "w.bin", "length", bad)
	}
	key("F-28", "offset + length wraps", `offset 9223372036854775807 \+ length 24 does not fit`, "location", "w.bin", "offset", fmt.Sprint(int64(math.MaxInt64)), "length", "24")
	key("F-29", "length petabyte", `length is 1125899906842624, expected 24`, "location", "w.bin", "length", fmt.Sprint(int64(1)<<50))
	key("F-29", "length of another shape", `length is 23, expected 24 for float32 of shape \[2 3\]`, "location", "w.bin", "length", "23")
	key("F-32", "unknown key", `unknown key "__class__"`, "location", "w.bin", "__class__", "x")
	key("F-32", "key twice", `key "location" is there twice`, "location", "w.bin", "location", "v.bin")
	key("F-32", "no location", `location "" is empty`, "length", "24")
	key("F-32", "no keys", `location "" is empty`)

	bad := func() *pb.TensorProto {
		return Outside(&pb.TensorProto{Name: proto.String("q"), Dims: []int64{1}, DataType: proto.Int32(1)}, "location", "../x")
	}
	indices := func() *pb.TensorProto { return int64s([]int64{1}, 0) }
	at := func(name, want string, data []byte) {
		cases = append(cases, Case{"F-33", "external data in " + name, data, want + `\.external_data: location "../x" leads out`})
	}
	at("an attribute", `attribute\[0\] "value"\.t "q"`, GraphChanged(func(g *pb.GraphProto) { g.Node[0].Attribute = []*pb.AttributeProto{TensorAttr(bad())} }))
	at("a list of tensors", `attribute\[0\] "l"\.tensors\[0\] "q"`, GraphChanged(func(g *pb.GraphProto) {
		g.Node[0].Attribute = []*pb.AttributeProto{{Name: proto.String("l"), Tensors: []*pb.TensorProto{bad()}}}
	}))
	at("a sparse initializer", `sparse_initializer\[0\] "q"\.values "q"`, GraphChanged(func(g *pb.GraphProto) {
		g.SparseInitializer = []*pb.SparseTensorProto{{Values: bad(), Indices: indices(), Dims: []int64{4}}}
	}))
	at("a sparse attribute", `sparse_tensor\.values "q"`, GraphChanged(func(g *pb.GraphProto) {
		g.Node[0].Attribute = []*pb.AttributeProto{{Name: proto.String("s"), SparseTensor: &pb.SparseTensorProto{Values: bad(), Indices: indices(), Dims: []int64{4}}}}
	}))
	at("a function", `functions\[0\] "A"\.node\[0\]\.attribute\[0\] "value"\.t "q"`, Functions(&pb.FunctionProto{Name: proto.String("A"), Node: []*pb.NodeProto{Node("", "Constant", "", "v", TensorAttr(bad()))}}))
	at("a function's default", `functions\[0\] "A"\.attribute_proto\[0\] "value"\.t "q"`, Functions(&pb.FunctionProto{Name: proto.String("A"), AttributeProto: []*pb.AttributeProto{TensorAttr(bad())}}))
	at("a subgraph", `"then_branch"\.g\.initializer\[0\] "q"`, GraphChanged(func(g *pb.GraphProto) {
		g.Node = append(g.Node, Node("if", "If", "x", "z", GraphAttr("then_branch", &pb.GraphProto{Initializer: []*pb.TensorProto{bad()}})))
	}))
	at("a training graph", `training_info\[0\]\.algorithm\.initializer\[0\] "q"`, Changed(func(p *pb.ModelProto) {
		p.TrainingInfo = []*pb.TrainingInfoProto{{Algorithm: &pb.GraphProto{Initializer: []*pb.TensorProto{bad()}}}}
	}))
	cases = append(cases,
		Case{"F-35", "external and raw_data", Weight(func(w *pb.TensorProto) {
			Outside(w, "location", "w.bin")
			w.RawData = make([]byte, 24)
		}), `has both external data and raw_data`},
		Case{"F-35", "external data not said to be", Weight(func(w *pb.TensorProto) {
			Outside(w, "location", "w.bin")
			w.DataLocation, w.RawData = nil, make([]byte, 24)
		}), `has external_data, but data_location is not EXTERNAL`},
		Case{"F-35", "external strings", Weight(func(w *pb.TensorProto) {
			Outside(w, "location", "w.bin")
			w.DataType = proto.Int32(8)
		}), `strings cannot be external`},
	)
	return cases
}
