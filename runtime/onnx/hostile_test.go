package onnx

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// hostile is one file that must be refused: with an error of kind Input in one
// line that matches want, within seconds and a few MiB.
type hostile struct {
	name string
	data []byte
	want string // regular expression
}

// changed is the tiny model after change.
func changed(change func(*pb.ModelProto)) []byte {
	p, err := encodeModel(tiny())
	if err != nil {
		panic(err)
	}
	change(p)
	return wire(p)
}

func graphChanged(change func(*pb.GraphProto)) []byte {
	return changed(func(p *pb.ModelProto) { change(p.Graph) })
}

// node makes a node of the given inputs and outputs, comma-separated.
func node(name, op, in, out string, attrs ...*pb.AttributeProto) *pb.NodeProto {
	list := func(s string) []string {
		if s == "" {
			return nil
		}
		return strings.Split(s, ",")
	}
	return &pb.NodeProto{Name: &name, OpType: &op, Input: list(in), Output: list(out), Attribute: attrs}
}

func graphAttr(name string, g *pb.GraphProto) *pb.AttributeProto {
	return &pb.AttributeProto{Name: &name, Type: pb.AttributeProto_GRAPH.Enum(), G: g}
}

// nested is depth Ifs inside one another.
func nested(depth int) []byte {
	g := []byte(nil)
	for range depth {
		attr := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "then_branch")
		attr = protowire.AppendVarint(protowire.AppendTag(attr, 20, protowire.VarintType), uint64(AttrGraph))
		attr = protowire.AppendBytes(protowire.AppendTag(attr, 6, protowire.BytesType), g)
		n := protowire.AppendString(protowire.AppendTag(nil, 4, protowire.BytesType), "If")
		n = protowire.AppendBytes(protowire.AppendTag(n, 5, protowire.BytesType), attr)
		g = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), n)
	}
	return modelAround(g)
}

// modelAround is a model with the given bytes for its graph.
func modelAround(graph []byte) []byte {
	b := []byte("\x08\x08\x42\x02\x10\x11") // ir_version 8, opset 17
	return protowire.AppendBytes(protowire.AppendTag(b, 7, protowire.BytesType), graph)
}

// repeated is a graph of n copies of a field.
func repeated(num protowire.Number, value []byte, n int) []byte {
	one := protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), value)
	return modelAround(bytes.Repeat(one, n))
}

// function makes a local function that calls the given operators.
func function(name string, calls ...string) *pb.FunctionProto {
	f := &pb.FunctionProto{Name: &name, Domain: proto.String("local")}
	for _, op := range calls {
		n := node("", op, "", "")
		n.Domain = proto.String("local")
		f.Node = append(f.Node, n)
	}
	return f
}

func functions(list ...*pb.FunctionProto) []byte {
	return changed(func(p *pb.ModelProto) { p.Functions = list })
}

// weight is the tiny model with its initializer changed.
func weight(change func(*pb.TensorProto)) []byte {
	return graphChanged(func(g *pb.GraphProto) { change(g.Initializer[0]) })
}

// refuse runs one case through read and checks the promise.
func refuse(t *testing.T, size int, want string, read func() error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := read()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Fatalf("accepted, want %q", want)
	}
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Input || e.Path == "" {
		t.Errorf("error %q is no Input error with a path", err)
	}
	if !regexp.MustCompile(want).MatchString(err.Error()) {
		t.Errorf("got  %q\nwant %q", err, want)
	}
	if strings.ContainsRune(err.Error(), '\n') || len(err.Error()) > 4096 {
		t.Errorf("error is not one short line: %d bytes", len(err.Error()))
	}
	if took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(2*size)+64<<20 {
		t.Errorf("allocated %d MiB for a file of %d bytes", grown>>20, size)
	}
}

// TestHostile feeds every case to Parse and, through a file, to Read.
func TestHostile(t *testing.T) {
	dir := t.TempDir()
	var all []hostile
	for _, group := range [][]hostile{strangerCases(), wireCases(), modelCases(), graphCases(), functionCases(), attributeCases(), tensorCases(), locationCases()} {
		all = append(all, group...)
	}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			refuse(t, len(c.data), c.want, func() error {
				_, err := Parse("m.onnx", c.data, ReadOptions{})
				return err
			})
			path := filepath.Join(dir, "m.onnx")
			if err := os.WriteFile(path, c.data, 0o644); err != nil {
				t.Fatal(err)
			}
			refuse(t, len(c.data), c.want, func() error {
				_, err := Read(path, ReadOptions{Weights: true})
				return err
			})
		})
	}
	t.Logf("%d hostile files", len(all))
}

func strangerCases() []hostile {
	safetensors := "\x3a\x00\x00\x00\x00\x00\x00\x00{\"w\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"
	cases := []hostile{
		{"empty", nil, `^m.onnx: no graph: the file is empty|/m.onnx: no graph: the file is empty`},
		{"git-lfs pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), `git-lfs pointer: run git lfs pull`},
		{"png", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), `PNG`},
		{"zip", []byte("PK\x03\x04\x14\x00"), `ZIP .*\.pt`},
		{"gzip", []byte("\x1f\x8b\x08\x00"), `gzip`},
		{"pickle", []byte("\x80\x02}q\x00."), `pickle`},
		{"html", []byte("\n <!DOCTYPE HTML>\n<html><title>404"), `HTML page`},
		{"html bare", []byte("<HTML><body>404"), `HTML page`},
		{"json", []byte("{\n  \"error\": 404}"), `JSON`},
		{"tflite", []byte("\x1c\x00\x00\x00TFL3\x14\x00"), `TensorFlow Lite`},
		{"ort", []byte("\x20\x00\x00\x00ORTM\x14\x00"), `\.ort`},
		{"safetensors", []byte(safetensors), `safetensors`},
		{"hdf5", []byte("\x89HDF\r\n\x1a\n"), `HDF5`},
		{"zeros", make([]byte, 4096), `byte 0`},
		{"text", []byte("this is no model at all, just words\n"), `byte \d+`},
		{"other protobuf", []byte("\x0a\x03abc"), `byte 0.*wire type 2, expected 0`},
		{"tensor protobuf", wire(&pb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(1)}), `byte 0, producer_name: wire type 0, expected 2`},
	}
	for i := range cases {
		cases[i].name = "looks like " + cases[i].name
	}
	return cases
}

func wireCases() []hostile {
	sequence := new(pb.TypeProto)
	for range 5000 {
		sequence = &pb.TypeProto{Value: &pb.TypeProto_SequenceType{SequenceType: &pb.TypeProto_Sequence{ElemType: sequence}}}
	}
	overlong := append(bytes.Repeat([]byte{0x80}, 11), 1)
	return []hostile{
		{"subgraph depth 33", nested(33), `byte \d+, graph\.node\[0\].*depth 33, limit 32`},
		{"subgraph depth 5000", nested(5000), `depth 33, limit 32`},
		{"type depth 5000", graphChanged(func(g *pb.GraphProto) { g.Input[0].Type = sequence }), `graph\.input\[0\].*depth 101, limit 100`},
		{"nodes", repeated(1, []byte("\x22\x01A"), 1_000_001), `limit|MiB`},
		{"empty nodes", repeated(1, nil, 3_000_000), `more than 256 MiB`},
		{"initializers", repeated(5, nil, 1_000_001), `limit|MiB`},
		{"attributes", modelAround(protowire.AppendBytes([]byte{0x0a}, bytes.Repeat([]byte{0x2a, 0}, 2_000_000))), `more than 256 MiB`},
		{"inputs of a node", modelAround(protowire.AppendBytes([]byte{0x0a}, bytes.Repeat([]byte{0x0a, 0}, 5_000_000))), `more than 256 MiB`},
		{"varint blow-up", modelAround(protowire.AppendBytes([]byte{0x2a}, protowire.AppendBytes([]byte{0x3a}, make([]byte, 40_000_000)))), `int64_data.*more than 256 MiB`},
		{"name", graphChanged(func(g *pb.GraphProto) { g.Name = proto.String(strings.Repeat("x", 20_000_000)) }), `graph\.name: name of 20000000 bytes, limit 65536`},
		{"metadata", changed(func(p *pb.ModelProto) {
			for range 100_000 {
				p.MetadataProps = append(p.MetadataProps, &pb.StringStringEntryProto{})
			}
		}), `metadata_props\[10000\]: more entries than the limit of 10000`},
		{"group", modelAround([]byte{0x0b, 0x0c}), `wire type 3`},
		{"field 0", modelAround([]byte{0x00, 0x00}), `broken field tag`},
		{"wrong wire type", modelAround([]byte{0x08, 0x01}), `graph\.node\[0\]: wire type 0, expected 2`},
		{"length beyond end", modelAround([]byte{0x0a, 0x7f, 0}), `truncated: needs 127 bytes, 1 are left`},
		{"length of 2^63", modelAround(append([]byte{0x0a}, protowire.AppendVarint(nil, 1<<63)...)), `truncated: needs 9223372036854775808`},
		{"overlong varint", append([]byte{0x08}, overlong...), `overlong number`},
		{"packed varint cut", weight(func(w *pb.TensorProto) { w.ProtoReflect().SetUnknown([]byte{0x3a, 1, 0x80}) }), `int64_data.*truncated number`},
		{"packed varint overlong", weight(func(w *pb.TensorProto) { w.ProtoReflect().SetUnknown(append([]byte{0x3a, 12}, overlong...)) }), `overlong number`},
		{"packed floats cut", weight(func(w *pb.TensorProto) { w.ProtoReflect().SetUnknown([]byte{0x22, 3, 0, 0, 0}) }), `float_data.*multiple of 4`},
		{"attribute type", graphChanged(func(g *pb.GraphProto) {
			g.Node[0].Attribute = []*pb.AttributeProto{{Name: proto.String("a"), Type: pb.AttributeProto_AttributeType(99).Enum()}}
		}), `attribute\[0\]\.type: unknown value 99`},
		{"data location", weight(func(w *pb.TensorProto) { w.DataLocation = pb.TensorProto_DataLocation(7).Enum() }), `data_location: unknown value 7`},
	}
}

func modelCases() []hostile {
	ir := func(v int64) []byte { return changed(func(p *pb.ModelProto) { p.IrVersion = &v }) }
	opset := func(domain string, v ...int64) []byte {
		return changed(func(p *pb.ModelProto) {
			p.OpsetImport = nil
			for _, v := range v {
				p.OpsetImport = append(p.OpsetImport, &pb.OperatorSetIdProto{Domain: &domain, Version: &v})
			}
		})
	}
	return []hostile{
		{"no graph", changed(func(p *pb.ModelProto) { p.Graph = nil }), `no graph`},
		{"ir missing", changed(func(p *pb.ModelProto) { p.IrVersion = nil }), `ir_version: got 0, supported are 3 to 13`},
		{"ir 0", ir(0), `ir_version: got 0, supported`},
		{"ir 2^31", ir(1 << 31), `ir_version: got 2147483648, supported`},
		{"ir -1", ir(-1), `ir_version: got -1`},
		{"ir 14", ir(14), `supported are 3 to 13`},
		{"opset missing", opset(""), `opset_import: missing, supported`},
		{"opset 0", opset("", 0), `opset_import\[0\]: version 0, supported are 1 to 26`},
		{"opset -1", opset("", -1), `version -1, supported`},
		{"opset 999", opset("", 999), `version 999, supported`},
		{"opset twice", opset("", 17, 18), `opset_import\[1\]: the same domain as opset_import\[0\]`},
		{"opset of a domain", opset("d", -5), `opset_import\[0\] "d": version -5`},
		{"opset twice, two spellings", changed(func(p *pb.ModelProto) {
			p.OpsetImport = append(p.OpsetImport, &pb.OperatorSetIdProto{Domain: proto.String("ai.onnx"), Version: proto.Int64(17)})
		}), `"ai.onnx": the same domain`},
	}
}

func graphCases() []hostile {
	nodes := func(list ...*pb.NodeProto) []byte {
		return graphChanged(func(g *pb.GraphProto) { g.Node = list })
	}
	body := func(change func(*pb.GraphProto)) []byte {
		b := &pb.GraphProto{Node: []*pb.NodeProto{node("in", "Relu", "x", "b")}, Output: []*pb.ValueInfoProto{{Name: proto.String("b")}}}
		change(b)
		return nodes(node("loop", "Loop", "", "y", graphAttr("body", b)))
	}
	long := make([]*pb.NodeProto, 300)
	for i := range long {
		long[i] = node("", "Relu", "v"+string(rune('a'+i)), "v"+string(rune('a'+(i+1)%len(long))))
	}
	return []hostile{
		{"value made twice", nodes(node("a", "Relu", "x", "y"), node("b", "Tanh", "x", "y")), `graph\.node\[1\] "b": makes "y", which graph\.node\[0\] "a" makes already`},
		{"value made twice by one node", nodes(node("a", "Split", "x", "y,y")), `node\[0\] "a": makes "y", which graph\.node\[0\] "a"`},
		{"input made by a node", nodes(node("a", "Relu", "x", "x")), `makes "x", which an input or initializer`},
		{"initializer made by a node", nodes(node("a", "Relu", "x", "w")), `makes "w", which an input or initializer`},
		{"input twice", graphChanged(func(g *pb.GraphProto) { g.Input = append(g.Input, g.Input[0]) }), `graph\.input\[1\] "x": a second input`},
		{"initializer twice", graphChanged(func(g *pb.GraphProto) { g.Initializer = append(g.Initializer, g.Initializer[0]) }), `graph\.initializer\[1\] "w": a second initializer`},
		{"initializer without a name", weight(func(w *pb.TensorProto) { w.Name = nil }), `graph\.initializer\[0\]: has no name`},
		{"input without a name", graphChanged(func(g *pb.GraphProto) { g.Input[0].Name = nil }), `graph\.input\[0\]: has no name`},
		{"unsorted", nodes(node("a", "Relu", "h", "y"), node("b", "Tanh", "x", "h")), `graph\.node\[0\] "a": input "h" comes from the later graph\.node\[1\] "b", expected nodes in topological order`},
		{"cycle", nodes(node("a", "Relu", "h", "y"), node("b", "Tanh", "y", "h")), `node\[0\] "a": cycle: graph\.node\[0\] "a" needs graph\.node\[1\] "b" needs graph\.node\[0\] "a"`},
		{"cycle of one", nodes(node("a", "Add", "x,y", "y")), `cycle: graph\.node\[0\] "a" needs graph\.node\[0\] "a"`},
		{"long cycle", nodes(long...), `cycle: .* needs … needs `},
		{"cycle through a body", nodes(node("a", "If", "x", "y", graphAttr("then_branch", &pb.GraphProto{Node: []*pb.NodeProto{node("in", "Relu", "h", "i")}})), node("b", "Tanh", "y", "h")),
			`graph\.node\[0\] "a"\.attribute\[0\] "then_branch"\.g\.node\[0\] "in": cycle`},
		{"input from nowhere", nodes(node("a", "Relu", "q", "y")), `node\[0\] "a": input "q": nothing makes`},
		{"output from nowhere", nodes(node("a", "Relu", "x", "h")), `graph\.output\[0\] "y": nothing makes`},
		{"body input is an initializer", body(func(b *pb.GraphProto) {
			b.Input = []*pb.ValueInfoProto{{Name: proto.String("i")}}
			b.Initializer = []*pb.TensorProto{{Name: proto.String("i"), DataType: proto.Int32(1), FloatData: []float32{1}}}
		}), `"body"\.g\.initializer\[0\] "i": an input of the subgraph`},
		{"body uses what comes later", graphChanged(func(g *pb.GraphProto) {
			g.Node = []*pb.NodeProto{
				node("if", "If", "x", "y", graphAttr("then_branch", &pb.GraphProto{Node: []*pb.NodeProto{node("in", "Relu", "z", "i")}})),
				node("late", "Tanh", "x", "z"),
			}
		}), `"in": input "z" comes from the later graph\.node\[1\] "late"`},
		{"body value leaks", nodes(node("if", "If", "x", "y", graphAttr("then_branch", &pb.GraphProto{Node: []*pb.NodeProto{node("in", "Relu", "x", "i")}})), node("out", "Relu", "i", "z")), `"out": input "i": nothing makes`},
		{"no op_type", nodes(node("a", "", "x", "y")), `node\[0\] "a": has no op_type`},
		{"EPContext", nodes(node("ep", "EPContext", "x", "y")), `"ep": EPContext`},
		{"Constant with an input", nodes(node("c", "Constant", "x", "y")), `"c": Constant has 1 inputs, expected none`},
		{"RandomNormal with inputs", nodes(node("c", "RandomNormal", "x,w", "y")), `RandomNormal has 2 inputs`},
		{"subgraph in Relu", nodes(node("r", "Relu", "x", "y", graphAttr("g", &pb.GraphProto{}))), `"r"\.attribute\[0\] "g": Relu takes no subgraph`},
		{"rank of a value", graphChanged(func(g *pb.GraphProto) {
			s := g.Input[0].Type.GetTensorType().Shape
			for len(s.Dim) < 17 {
				s.Dim = append(s.Dim, s.Dim[0])
			}
		}), `graph\.input\[0\] "x": has 17 axes, limit 16`},
		{"element type of a value", graphChanged(func(g *pb.GraphProto) { g.Input[0].Type.GetTensorType().ElemType = proto.Int32(99) }), `"x": unknown element type 99`},
		{"name with a line break", nodes(node("a\nb\x1b[31m", "Relu", "q", "y")), `"a\\nb\\x1b\[31m"`},
	}
}

func functionCases() []hostile {
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
	call := node("", "A", "", "")
	call.Domain = proto.String("local")
	throughIf.Node = []*pb.NodeProto{node("if", "If", "", "", graphAttr("then_branch", &pb.GraphProto{Node: []*pb.NodeProto{call}}))}
	unsorted := function("A")
	unsorted.Node = []*pb.NodeProto{node("a", "Relu", "h", "y"), node("b", "Relu", "x", "h")}
	unsorted.Input = []string{"x"}
	callBomb := changed(func(p *pb.ModelProto) {
		p.Functions = bomb
		n := node("call", "fA", "", "")
		n.Domain = proto.String("local")
		p.Graph.Node = append(p.Graph.Node, n)
	})
	return []hostile{
		{"function calls itself", functions(function("A", "A")), `functions\[0\] "A": calls itself: local:A calls local:A`},
		{"functions call in a circle", functions(function("A", "B"), function("B", "A")), `calls itself: local:A calls local:B calls local:A`},
		{"function calls itself in an If", functions(throughIf), `calls itself: local:A calls local:A`},
		{"function depth", functions(deep...), `depth 101, limit 100|depth above the limit of 100`},
		{"function bomb", callBomb, `every function call written out.* limit 1000000`},
		{"function twice", functions(function("A"), function("A")), `functions\[1\] "A": the same function as functions\[0\]: local:A`},
		{"function without a name", functions(function("")), `functions\[0\]: has no name`},
		{"function unsorted", functions(unsorted), `functions\[0\] "A"\.node\[0\] "a": input "h" comes from the later functions\[0\] "A"\.node\[1\] "b"`},
		{"function sees the graph", functions(&pb.FunctionProto{Name: proto.String("A"), Node: []*pb.NodeProto{node("n", "Relu", "w", "o")}}), `functions\[0\] "A"\.node\[0\] "n": input "w": nothing makes`},
		{"function opset", functions(&pb.FunctionProto{Name: proto.String("A"), OpsetImport: []*pb.OperatorSetIdProto{{Version: proto.Int64(77)}}}), `functions\[0\] "A"\.opset_import\[0\]: version 77`},
	}
}

func attributeCases() []hostile {
	attr := func(list ...*pb.AttributeProto) []byte {
		return graphChanged(func(g *pb.GraphProto) { g.Node[0].Attribute = list })
	}
	name := proto.String("a")
	return []hostile{
		{"attribute of two values", attr(&pb.AttributeProto{Name: name, Type: pb.AttributeProto_INT.Enum(), I: proto.Int64(1), F: proto.Float32(1)}), `attribute\[0\] "a": holds a value of type FLOAT, expected only type INT`},
		{"attribute of the wrong type", attr(&pb.AttributeProto{Name: name, Type: pb.AttributeProto_INT.Enum(), G: &pb.GraphProto{}}), `holds a value of type GRAPH, expected only type INT`},
		{"attribute without type and value", attr(&pb.AttributeProto{Name: name}), `has no value of its type UNDEFINED`},
		{"attribute without its tensor", attr(&pb.AttributeProto{Name: name, Type: pb.AttributeProto_TENSOR.Enum()}), `has no value of its type TENSOR`},
		{"attribute without its graph", attr(&pb.AttributeProto{Name: name, Type: pb.AttributeProto_GRAPH.Enum()}), `has no value of its type GRAPH`},
		{"attribute twice", attr(&pb.AttributeProto{Name: name, I: proto.Int64(1)}, &pb.AttributeProto{Name: name, I: proto.Int64(2)}), `attribute\[1\] "a": the same attribute as attribute\[0\]`},
		{"attribute without a name", attr(&pb.AttributeProto{I: proto.Int64(1)}), `attribute\[0\]: has no name`},
		{"reference outside a function", attr(&pb.AttributeProto{Name: name, RefAttrName: proto.String("b"), Type: pb.AttributeProto_INT.Enum()}), `refers to attribute "b" of a function, but is in none`},
		{"reference with a value", attr(&pb.AttributeProto{Name: name, RefAttrName: proto.String("b"), Type: pb.AttributeProto_INT.Enum(), G: &pb.GraphProto{}}), `holds a value of type GRAPH`},
	}
}
