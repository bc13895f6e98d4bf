package onnxtest

import (
	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

func modelCases() []Case {
	ir := func(v int64) []byte { return Changed(func(p *pb.ModelProto) { p.IrVersion = &v }) }
	opset := func(domain string, v ...int64) []byte {
		return Changed(func(p *pb.ModelProto) {
			p.OpsetImport = nil
			for _, v := range v {
				p.OpsetImport = append(p.OpsetImport, &pb.OperatorSetIdProto{Domain: &domain, Version: &v})
			}
		})
	}
	return []Case{
		{"F-01", "no graph", Changed(func(p *pb.ModelProto) { p.Graph = nil }), `no graph`},
		{"F-11", "ir missing", Changed(func(p *pb.ModelProto) { p.IrVersion = nil }), `ir_version: got 0, supported are 3 to 13`},
		{"F-11", "ir 0", ir(0), `ir_version: got 0, supported`},
		{"F-11", "ir 2^31", ir(1 << 31), `ir_version: got 2147483648, supported`},
		{"F-11", "ir -1", ir(-1), `ir_version: got -1`},
		{"F-11", "ir 14", ir(14), `supported are 3 to 13`},
		{"F-12", "opset missing", opset(""), `opset_import: missing, supported`},
		{"F-12", "opset 0", opset("", 0), `opset_import\[0\]: version 0, supported are 1 to 26`},
		{"F-12", "opset -1", opset("", -1), `version -1, supported`},
		{"F-12", "opset 999", opset("", 999), `version 999, supported`},
		{"F-12", "opset twice", opset("", 17, 18), `opset_import\[1\]: the same domain as opset_import\[0\]`},
		{"F-12", "opset of a domain", opset("d", -5), `opset_import\[0\] "d": version -5`},
		{"F-12", "opset twice, two spellings", Changed(func(p *pb.ModelProto) {
			p.OpsetImport = append(p.OpsetImport, &pb.OperatorSetIdProto{Domain: proto.String("ai.onnx"), Version: proto.Int64(17)})
		}), `"ai.onnx": the same domain`},
	}
}

func graphCases() []Case {
	nodes := func(list ...*pb.NodeProto) []byte {
		return GraphChanged(func(g *pb.GraphProto) { g.Node = list })
	}
	body := func(change func(*pb.GraphProto)) []byte {
		b := &pb.GraphProto{Node: []*pb.NodeProto{Node("in", "Relu", "x", "b")}, Output: []*pb.ValueInfoProto{{Name: proto.String("b")}}}
		change(b)
		return nodes(Node("loop", "Loop", "", "y", GraphAttr("body", b)))
	}
	long := make([]*pb.NodeProto, 300)
	for i := range long {
		long[i] = Node("", "Relu", "v"+string(rune('a'+i)), "v"+string(rune('a'+(i+1)%len(long))))
	}
	return []Case{
		{"F-14", "value made twice", nodes(Node("a", "Relu", "x", "y"), Node("b", "Tanh", "x", "y")), `graph\.node\[1\] "b": makes "y", which graph\.node\[0\] "a" makes already`},
		{"F-14", "value made twice by one node", nodes(Node("a", "Split", "x", "y,y")), `node\[0\] "a": makes "y", which graph\.node\[0\] "a"`},
		{"F-14", "input made by a node", nodes(Node("a", "Relu", "x", "x")), `makes "x", which an input or initializer`},
		{"F-14", "initializer made by a node", nodes(Node("a", "Relu", "x", "w")), `makes "w", which an input or initializer`},
		{"F-14", "input twice", GraphChanged(func(g *pb.GraphProto) { g.Input = append(g.Input, g.Input[0]) }), `graph\.input\[1\] "x": a second input`},
		{"F-14", "initializer twice", GraphChanged(func(g *pb.GraphProto) { g.Initializer = append(g.Initializer, g.Initializer[0]) }), `graph\.initializer\[1\] "w": a second initializer`},
		{"F-14", "initializer without a name", Weight(func(w *pb.TensorProto) { w.Name = nil }), `graph\.initializer\[0\]: has no name`},
		{"F-14", "input without a name", GraphChanged(func(g *pb.GraphProto) { g.Input[0].Name = nil }), `graph\.input\[0\]: has no name`},
		{"F-14", "unsorted", nodes(Node("a", "Relu", "h", "y"), Node("b", "Tanh", "x", "h")), `graph\.node\[0\] "a": input "h" comes from the later graph\.node\[1\] "b", expected nodes in topological order`},
		{"F-14", "cycle", nodes(Node("a", "Relu", "h", "y"), Node("b", "Tanh", "y", "h")), `node\[0\] "a": cycle: graph\.node\[0\] "a" needs graph\.node\[1\] "b" needs graph\.node\[0\] "a"`},
		{"F-14", "cycle of one", nodes(Node("a", "Add", "x,y", "y")), `cycle: graph\.node\[0\] "a" needs graph\.node\[0\] "a"`},
		{"F-14", "long cycle", nodes(long...), `cycle: .* needs … needs `},
		{"F-14", "cycle through a body", nodes(Node("a", "If", "x", "y", GraphAttr("then_branch", &pb.GraphProto{Node: []*pb.NodeProto{Node("in", "Relu", "h", "i")}})), Node("b", "Tanh", "y", "h")),
			`graph\.node\[0\] "a"\.attribute\[0\] "then_branch"\.g\.node\[0\] "in": cycle`},
		{"F-14", "input from nowhere", nodes(Node("a", "Relu", "q", "y")), `node\[0\] "a": input "q": nothing makes`},
		{"F-14", "output from nowhere", nodes(Node("a", "Relu", "x", "h")), `graph\.output\[0\] "y": nothing makes`},
		{"F-16", "body input is an initializer", body(func(b *pb.GraphProto) {
			b.Input = []*pb.ValueInfoProto{{Name: proto.String("i")}}
			b.Initializer = []*pb.TensorProto{{Name: proto.String("i"), DataType: proto.Int32(1), FloatData: []float32{1}}}
		}), `"body"\.g\.initializer\[0\] "i": an input of the subgraph`},
		{"F-14", "body uses what comes later", GraphChanged(func(g *pb.GraphProto) {
			g.Node = []*pb.NodeProto{
				Node("if", "If", "x", "y", GraphAttr("then_branch", &pb.GraphProto{Node: []*pb.NodeProto{Node("in", "Relu", "z", "i")}})),
				Node("late", "Tanh", "x", "z"),
			}
		}), `"in": input "z" comes from the later graph\.node\[1\] "late"`},
		{"F-14", "body value leaks", nodes(Node("if", "If", "x", "y", GraphAttr("then_branch", &pb.GraphProto{Node: []*pb.NodeProto{Node("in", "Relu", "x", "i")}})), Node("out", "Relu", "i", "z")), `"out": input "i": nothing makes`},
		{"F-14", "no op_type", nodes(Node("a", "", "x", "y")), `node\[0\] "a": has no op_type`},
		{"F-34", "EPContext", nodes(Node("ep", "EPContext", "x", "y")), `"ep": EPContext`},
		{"F-17", "Constant with an input", nodes(Node("c", "Constant", "x", "y")), `"c": Constant has 1 inputs, expected none`},
		{"F-17", "RandomNormal with inputs", nodes(Node("c", "RandomNormal", "x,w", "y")), `RandomNormal has 2 inputs`},
		{"F-17", "subgraph in Relu", nodes(Node("r", "Relu", "x", "y", GraphAttr("g", &pb.GraphProto{}))), `"r"\.attribute\[0\] "g": Relu takes no subgraph`},
		{"F-18", "rank of a value", GraphChanged(func(g *pb.GraphProto) {
			s := g.Input[0].Type.GetTensorType().Shape
			for len(s.Dim) < 17 {
				s.Dim = append(s.Dim, s.Dim[0])
			}
		}), `graph\.input\[0\] "x": has 17 axes, limit 16`},
		{"F-18", "element type of a value", GraphChanged(func(g *pb.GraphProto) { g.Input[0].Type.GetTensorType().ElemType = proto.Int32(99) }), `"x": unknown element type 99`},
		{"F-14", "name with a line break", nodes(Node("a\nb\x1b[31m", "Relu", "q", "y")), `"a\\nb\\x1b\[31m"`},
	}
}

func functionCases() []Case {
	deep := []*pb.FunctionProto{}
	for i := range 101 {
		deep = append(deep, function("f"+string(rune('A'+i)), "f"+string(rune('A'+i+1))))
	}
	bomb := []*pb.FunctionProto{}
	for i := range 60 {
		next := "f" + string(rune('A'+i+1))
		bomb = append(bomb, function("f"+string(rune('A'+i)), next, next))
	}
	throughIf := function("A")
	call := Node("", "A", "", "")
	call.Domain = proto.String("local")
	throughIf.Node = []*pb.NodeProto{Node("if", "If", "", "", GraphAttr("then_branch", &pb.GraphProto{Node: []*pb.NodeProto{call}}))}
	unsorted := function("A")
	unsorted.Node = []*pb.NodeProto{Node("a", "Relu", "h", "y"), Node("b", "Relu", "x", "h")}
	unsorted.Input = []string{"x"}
	callBomb := Changed(func(p *pb.ModelProto) {
		p.Functions = bomb
		n := Node("call", "fA", "", "")
		n.Domain = proto.String("local")
		p.Graph.Node = append(p.Graph.Node, n)
	})
	return []Case{
		{"F-09", "function calls itself", Functions(function("A", "A")), `functions\[0\] "A": calls itself: local:A calls local:A`},
		{"F-09", "functions call in a circle", Functions(function("A", "B"), function("B", "A")), `calls itself: local:A calls local:B calls local:A`},
		{"F-09", "function calls itself in an If", Functions(throughIf), `calls itself: local:A calls local:A`},
		{"F-09", "function depth", Functions(deep...), `depth 101, limit 100|depth above the limit of 100`},
		{"F-18", "function bomb", callBomb, `every function call written out.* limit 1000000`},
		{"F-09", "function twice", Functions(function("A"), function("A")), `functions\[1\] "A": the same function as functions\[0\]: local:A`},
		{"F-09", "function without a name", Functions(function("")), `functions\[0\]: has no name`},
		{"F-09", "function unsorted", Functions(unsorted), `functions\[0\] "A"\.node\[0\] "a": input "h" comes from the later functions\[0\] "A"\.node\[1\] "b"`},
		{"F-09", "function sees the graph", Functions(&pb.FunctionProto{Name: proto.String("A"), Node: []*pb.NodeProto{Node("n", "Relu", "w", "o")}}), `functions\[0\] "A"\.node\[0\] "n": input "w": nothing makes`},
		{"F-12", "function opset", Functions(&pb.FunctionProto{Name: proto.String("A"), OpsetImport: []*pb.OperatorSetIdProto{{Version: proto.Int64(77)}}}), `functions\[0\] "A"\.opset_import\[0\]: version 77`},
	}
}

func attributeCases() []Case {
	attr := func(list ...*pb.AttributeProto) []byte {
		return GraphChanged(func(g *pb.GraphProto) { g.Node[0].Attribute = list })
	}
	name := proto.String("a")
	return []Case{
		{"F-03", "attribute of two values", attr(&pb.AttributeProto{Name: name, Type: pb.AttributeProto_INT.Enum(), I: proto.Int64(1), F: proto.Float32(1)}), `attribute\[0\] "a": holds a value of type FLOAT, expected only type INT`},
		{"F-03", "attribute of the wrong type", attr(&pb.AttributeProto{Name: name, Type: pb.AttributeProto_INT.Enum(), G: &pb.GraphProto{}}), `holds a value of type GRAPH, expected only type INT`},
		{"F-03", "attribute without type and value", attr(&pb.AttributeProto{Name: name}), `has no value of its type UNDEFINED`},
		{"F-03", "attribute without its tensor", attr(&pb.AttributeProto{Name: name, Type: pb.AttributeProto_TENSOR.Enum()}), `has no value of its type TENSOR`},
		{"F-03", "attribute without its graph", attr(&pb.AttributeProto{Name: name, Type: pb.AttributeProto_GRAPH.Enum()}), `has no value of its type GRAPH`},
		{"F-03", "attribute twice", attr(&pb.AttributeProto{Name: name, I: proto.Int64(1)}, &pb.AttributeProto{Name: name, I: proto.Int64(2)}), `attribute\[1\] "a": the same attribute as attribute\[0\]`},
		{"F-03", "attribute without a name", attr(&pb.AttributeProto{I: proto.Int64(1)}), `attribute\[0\]: has no name`},
		{"F-03", "reference outside a function", attr(&pb.AttributeProto{Name: name, RefAttrName: proto.String("b"), Type: pb.AttributeProto_INT.Enum()}), `refers to attribute "b" of a function, but is in none`},
		{"F-03", "reference with a value", attr(&pb.AttributeProto{Name: name, RefAttrName: proto.String("b"), Type: pb.AttributeProto_INT.Enum(), G: &pb.GraphProto{}}), `holds a value of type GRAPH`},
	}
}
