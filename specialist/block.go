package specialist

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// block builds a graph, or a subgraph that sees the values of those around it,
// of standard ops of opset 13 or later. Its values begin with prefix.
type block struct {
	g      *onnx.Graph
	prefix string
	opset  int64
	made   int
}

func newBlock(prefix string, opset int64) *block {
	return &block{g: &onnx.Graph{Name: strings.TrimSuffix(prefix, "/")}, prefix: prefix, opset: opset}
}

func (b *block) name(of string) string {
	b.made++
	return fmt.Sprintf("%s%s_%d", b.prefix, strings.ToLower(of), b.made)
}

// op adds a node of one output and gives its name.
func (b *block) op(kind string, inputs ...string) string { return b.with(nil, kind, inputs...) }

// with is op of a node with attributes.
func (b *block) with(attrs []*onnx.Attr, kind string, inputs ...string) string {
	return b.nodes(1, attrs, kind, inputs...)[0]
}

// nodes is with of a node with several outputs.
func (b *block) nodes(outputs int, attrs []*onnx.Attr, kind string, inputs ...string) []string {
	n := &onnx.Node{OpType: kind, Inputs: inputs, Attrs: attrs}
	for range outputs {
		n.Outputs = append(n.Outputs, b.name(kind))
	}
	n.Name = n.Outputs[0]
	b.g.Nodes = append(b.g.Nodes, n)
	return n.Outputs
}

// float is a constant of float64, of one number where there are no dims.
func (b *block) float(v float64, dims ...int64) string {
	n := 1
	for _, d := range dims {
		n *= int(d)
	}
	list := make([]float64, n)
	for i := range list {
		list[i] = v
	}
	return b.floats(list, dims...)
}

// floats is a constant of float64.
func (b *block) floats(v []float64, dims ...int64) string {
	data := make([]byte, 0, 8*len(v))
	for _, f := range v {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(f))
	}
	return b.constant(&onnx.Tensor{Name: b.name("number"), DType: onnx.Float64, Dims: dims, Data: data})
}

// bools is a constant of truth values.
func (b *block) bools(v []byte, dims ...int64) string {
	return b.constant(&onnx.Tensor{Name: b.name("mask"), DType: onnx.Bool, Dims: dims, Data: v})
}

// ints is a constant of a list of int64.
func (b *block) ints(v ...int64) string {
	return b.constant(onnx.Int64Tensor(b.name("list"), []int64{int64(len(v))}, v))
}

// integers is ints of a list of int.
func (b *block) integers(v []int) string {
	wide := make([]int64, len(v))
	for i, k := range v {
		wide[i] = int64(k)
	}
	return b.ints(wide...)
}

func (b *block) constant(t *onnx.Tensor) string {
	b.g.Initializers = append(b.g.Initializers, t)
	return t.Name
}

// cast gives x another element type.
func (b *block) cast(x string, to onnx.DType) string {
	return b.with([]*onnx.Attr{onnx.IntAttr("to", int64(to))}, "Cast", x)
}

// double is x as float64.
func (b *block) double(x string) string { return b.cast(x, onnx.Float64) }

// gather takes from an axis of x what index, a value, says.
func (b *block) gather(x, index string, axis int64) string {
	return b.with([]*onnx.Attr{onnx.IntAttr("axis", axis)}, "Gather", x, index)
}

// sum is the sum of x over axes, which stay as axes of 1 where keep is 1.
func (b *block) sum(x string, keep int64, axes ...int64) string {
	return b.with([]*onnx.Attr{onnx.IntAttr("keepdims", keep)}, "ReduceSum", x, b.ints(axes...))
}

// most is the maximum of x over an axis, which stays as one of 1.
func (b *block) most(x string, axis int64) string {
	if b.opset < 18 {
		return b.with([]*onnx.Attr{onnx.IntsAttr("axes", axis)}, "ReduceMax", x)
	}
	return b.op("ReduceMax", x, b.ints(axis))
}

// add puts an axis of 1 into x.
func (b *block) add(x string, axis int64) string { return b.op("Unsqueeze", x, b.ints(axis)) }

// positive tells whether the sum of x over all its axes is above 0.
func (b *block) positive(x string, axes ...int64) string {
	return b.op("Greater", b.sum(x, 0, axes...), b.float(0))
}

// gives declares values of float64 as the outputs of a subgraph.
func (b *block) gives(names ...string) *onnx.Graph {
	for _, name := range names {
		b.g.Outputs = append(b.g.Outputs, &onnx.Value{Name: name, Kind: onnx.KindTensor, DType: onnx.Float64})
	}
	return b.g
}

// choose gives the outputs of one of two subgraphs.
func (b *block) choose(outputs int, condition string, yes, no *onnx.Graph) []string {
	return b.nodes(outputs, []*onnx.Attr{onnx.GraphAttr("then_branch", yes), onnx.GraphAttr("else_branch", no)}, "If", condition)
}
