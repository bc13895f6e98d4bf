package onnxtest

import (
	"bytes"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/kdonnx/kdonnx/runtime/onnx/internal/pb"
)

// Changed is the tiny model after change.
func Changed(change func(*pb.ModelProto)) []byte {
	p := tiny()
	change(p)
	return wire(p)
}

// GraphChanged is the tiny model after a change of its graph.
func GraphChanged(change func(*pb.GraphProto)) []byte {
	return Changed(func(p *pb.ModelProto) { change(p.Graph) })
}

// Node makes a node of the given inputs and outputs, comma-separated.
func Node(name, op, in, out string, attrs ...*pb.AttributeProto) *pb.NodeProto {
	list := func(s string) []string {
		if s == "" {
			return nil
		}
		return strings.Split(s, ",")
	}
	return &pb.NodeProto{Name: &name, OpType: &op, Input: list(in), Output: list(out), Attribute: attrs}
}

// GraphAttr is an attribute that holds a graph.
func GraphAttr(name string, g *pb.GraphProto) *pb.AttributeProto {
	return &pb.AttributeProto{Name: &name, Type: pb.AttributeProto_GRAPH.Enum(), G: g}
}

// nested is depth Ifs inside one another.
func nested(depth int) []byte {
	g := []byte(nil)
	for range depth {
		attr := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "then_branch")
		attr = protowire.AppendVarint(protowire.AppendTag(attr, 20, protowire.VarintType), uint64(pb.AttributeProto_GRAPH))
		attr = protowire.AppendBytes(protowire.AppendTag(attr, 6, protowire.BytesType), g)
		n := protowire.AppendString(protowire.AppendTag(nil, 4, protowire.BytesType), "If")
		n = protowire.AppendBytes(protowire.AppendTag(n, 5, protowire.BytesType), attr)
		g = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), n)
	}
	return ModelAround(g)
}

// ModelAround is a model with the given bytes for its graph.
func ModelAround(graph []byte) []byte {
	b := []byte("\x08\x08\x42\x02\x10\x11") // ir_version 8, opset 17
	return protowire.AppendBytes(protowire.AppendTag(b, 7, protowire.BytesType), graph)
}

// repeated is a graph of n copies of a field.
func repeated(num protowire.Number, value []byte, n int) []byte {
	one := protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), value)
	return ModelAround(bytes.Repeat(one, n))
}

// function makes a local function that calls the given operators.
func function(name string, calls ...string) *pb.FunctionProto {
	f := &pb.FunctionProto{Name: &name, Domain: proto.String("local")}
	for _, op := range calls {
		n := Node("", op, "", "")
		n.Domain = proto.String("local")
		f.Node = append(f.Node, n)
	}
	return f
}

// Functions is the tiny model with local functions.
func Functions(list ...*pb.FunctionProto) []byte {
	return Changed(func(p *pb.ModelProto) { p.Functions = list })
}

// Weight is the tiny model with its initializer changed.
func Weight(change func(*pb.TensorProto)) []byte {
	return GraphChanged(func(g *pb.GraphProto) { change(g.Initializer[0]) })
}

// TensorAttr is the attribute "value" that holds a tensor.
func TensorAttr(t *pb.TensorProto) *pb.AttributeProto {
	return &pb.AttributeProto{Name: proto.String("value"), Type: pb.AttributeProto_TENSOR.Enum(), T: t}
}

// Outside makes t external with the given keys and values.
func Outside(t *pb.TensorProto, kv ...string) *pb.TensorProto {
	t.RawData, t.DataLocation, t.ExternalData = nil, pb.TensorProto_EXTERNAL.Enum(), nil
	for i := 0; i < len(kv); i += 2 {
		t.ExternalData = append(t.ExternalData, &pb.StringStringEntryProto{Key: &kv[i], Value: &kv[i+1]})
	}
	return t
}

// backwards is a circle of n nodes, each before the one it needs.
func backwards(n int) []byte {
	return GraphChanged(func(g *pb.GraphProto) {
		g.Node = g.Node[:0]
		for i := range n {
			g.Node = append(g.Node, Node("", "Relu", fmt.Sprint("v", (i+1)%n), fmt.Sprint("v", i)))
		}
		g.Output[0].Name = proto.String("v0")
	})
}

// External is the tiny model, x (N, 2) → y (N, 3), whose weight of 24 bytes
// lies outside, at location and what other keys say.
func External(location string, kv ...string) []byte {
	return Weight(func(w *pb.TensorProto) { Outside(w, append([]string{"location", location}, kv...)...) })
}

// Sharing is the tiny model with n further constants of size bytes each, which
// overlap in one file.
func Sharing(location string, n int, size int64) []byte {
	return GraphChanged(func(g *pb.GraphProto) {
		for i := range n {
			w := &pb.TensorProto{Name: proto.String(fmt.Sprint("v", i)), DataType: proto.Int32(2), Dims: []int64{size}}
			g.Initializer = append(g.Initializer, Outside(w, "location", location, "offset", fmt.Sprint(i)))
		}
	})
}

// Wide is y = (x·v)·w with x (N, 2) and y (N, 3), where w, size bytes, lies
// outside.
func Wide(location string, size int64) []byte {
	middle := size / 12
	return GraphChanged(func(g *pb.GraphProto) {
		w := Outside(&pb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{middle, 3}}, "location", location, "length", fmt.Sprint(12*middle))
		g.Initializer = []*pb.TensorProto{floats("v", []int64{2, 1}, 1, 2), w,
			int64Named("wide", []int64{2}, 1, middle)}
		g.Node = []*pb.NodeProto{Node("a", "MatMul", "x,v", "h"), Node("b", "Expand", "h,wide", "e"), Node("c", "MatMul", "e,w", "y")}
	})
}

func int64Named(name string, dims []int64, v ...int64) *pb.TensorProto {
	t := int64s(dims, v...)
	t.Name = &name
	return t
}
