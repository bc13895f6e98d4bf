package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// Bounds on what a spec may ask for.
const (
	maxWidth  = 1 << 16
	maxLayers = 64
	maxParams = 500_000_000 // stays below the 2 GiB of one ONNX file
	maxRow    = 1 << 24     // values of one row
)

// Versions that ONNX Runtime 1.16 and later read.
const (
	irVersion = 8
	opset     = 17
)

// builder appends layers to a graph. Shape is that of one row of the last
// value: (C, H, W), (T, D) or (D).
type builder struct {
	g      *onnx.Graph
	rng    *rand.Rand
	init   initialiser // of layers before the head
	dry    bool        // count parameters and check, draw nothing
	last   string
	shape  []int
	nhwc   bool
	params int   // with running statistics
	stats  int   // running statistics among them
	ops    int64 // multiply-adds of a row in Gemm, MatMul and Conv
	frozen []string
	shared map[string]bool // constants that are there already
	counts map[string]int
	err    error
}

// value is a place in the graph that a later layer comes back to.
type value struct {
	name  string
	shape []int
}

func (b *builder) value() value   { return value{b.last, slices.Clone(b.shape)} }
func (b *builder) resume(v value) { b.last, b.shape = v.name, slices.Clone(v.shape) }

func newBuilder(in Input, seed uint64) (*builder, error) {
	if in.Name == "" {
		in.Name = "input"
	}
	size := 1
	for _, d := range in.Shape {
		if d < 1 || d > maxRow || size*d > maxRow {
			return nil, usage("input", "has shape %v, expected positive axes and at most %d values", in.Shape, maxRow)
		}
		size *= d
	}
	if len(in.Shape) == 0 || len(in.Shape) > 3 {
		return nil, usage("input", "has shape %v, expected (C, H, W), (H, W, C), (T, D) or (D)", in.Shape)
	}
	b := &builder{
		g: &onnx.Graph{Name: "student"}, rng: rand.New(rand.NewPCG(seed, 0x6b646f6e6e78)),
		last: in.Name, shape: slices.Clone(in.Shape), nhwc: in.NHWC, counts: map[string]int{}, shared: map[string]bool{},
	}
	v := &onnx.Value{Name: in.Name, DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Param: graph.BatchName}}}
	for _, d := range in.Shape {
		v.Shape = append(v.Shape, onnx.Dim{Value: int64(d)})
	}
	b.g.Inputs = []*onnx.Value{v}
	if err := b.fill(in.Fill); err != nil {
		return nil, err
	}
	for _, c := range []struct {
		op, name string
		vals     []float32
		identity float32
	}{{"Mul", "input_scale", in.Scale, 1}, {"Add", "input_shift", in.Shift, 0}} {
		if err := b.normalise(c.op, c.name, c.vals, c.identity); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// fill appends v where x is NaN, else x, with v frozen.
func (b *builder) fill(vals []float32) error {
	if len(vals) == 0 {
		return nil
	}
	const name = "input_fill"
	if err := b.constant(name, vals); err != nil {
		return err
	}
	x := b.last
	b.node("IsNaN", nil)
	missing := b.last
	b.last = x
	b.node("Where", nil)
	b.g.Nodes[len(b.g.Nodes)-1].Inputs = []string{missing, name, x}
	return nil
}

// normalise appends x·v or x+v with v frozen, unless every v is the identity.
func (b *builder) normalise(op, name string, vals []float32, identity float32) error {
	if !slices.ContainsFunc(vals, func(v float32) bool { return v != identity }) {
		return nil
	}
	if err := b.constant(name, vals); err != nil {
		return err
	}
	b.node(op, []string{name})
	return nil
}

// constant adds frozen values for the input: one, one a channel, or one a
// feature.
func (b *builder) constant(name string, vals []float32) error {
	for i, v := range vals {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return usage(name, "value %d is %g, expected finite numbers", i, v)
		}
	}
	dims, size := make([]int64, len(b.shape)), 1
	for i, d := range b.shape {
		dims[i] = 1
		size *= d
	}
	channel := 0
	if b.nhwc || len(b.shape) < 3 {
		channel = len(b.shape) - 1
	}
	switch len(vals) {
	case 1:
	case b.shape[channel]:
		dims[channel] = int64(len(vals))
	case size:
		for i, d := range b.shape {
			dims[i] = int64(d)
		}
	default:
		return usage(name, "has %d values, expected 1, one a channel (%d) or one a feature (%d)", len(vals), b.shape[channel], size)
	}
	if len(dims) == 1 { // (1, D): rank 2 on both sides, as plainer runtimes want it
		dims = append([]int64{1}, dims...)
	}
	b.g.Initializers = append(b.g.Initializers, onnx.FloatTensor(name, dims, vals))
	b.frozen = append(b.frozen, name)
	return nil
}

// node appends an op on the last value and the inputs more.
func (b *builder) node(op string, more []string, attrs ...*onnx.Attr) {
	b.counts[op]++
	out := fmt.Sprintf("%s_%d", strings.ToLower(op), b.counts[op])
	b.g.Nodes = append(b.g.Nodes, &onnx.Node{Name: out, OpType: op, Inputs: append([]string{b.last}, more...), Outputs: []string{out}, Attrs: attrs})
	b.last = out
}

// scalar adds a float constant, once, and gives its name.
func (b *builder) scalar(name string, v float32) string {
	if !b.shared[name] {
		b.shared[name] = true
		b.g.Initializers = append(b.g.Initializers, onnx.FloatTensor(name, []int64{}, []float32{v}))
		b.frozen = append(b.frozen, name)
	}
	return name
}

// axes adds an integer constant, once, and gives its name.
func (b *builder) axes(prefix string, vals ...int64) string {
	name := prefix
	for _, v := range vals {
		name += fmt.Sprintf("_%d", v)
	}
	if !b.shared[name] {
		b.shared[name] = true
		b.g.Initializers = append(b.g.Initializers, onnx.Int64Tensor(name, []int64{int64(len(vals))}, vals))
	}
	return name
}

// weight adds a parameter whose values draw gives, in order.
func (b *builder) weight(name string, draw func() float32, dims ...int) string {
	size := 1
	dims64 := make([]int64, len(dims))
	for i, d := range dims {
		dims64[i] = int64(d)
		size *= d
	}
	b.params += size
	if b.err != nil || b.params > maxParams || size > maxParams {
		if b.err == nil {
			b.err = usage("student", "has more than %d parameters at %s %v", maxParams, name, dims)
		}
		return name
	}
	if b.dry {
		return name
	}
	vals := make([]float32, size)
	for i := range vals {
		vals[i] = draw()
	}
	b.g.Initializers = append(b.g.Initializers, onnx.FloatTensor(name, dims64, vals))
	return name
}

// finish names the output and wraps the graph.
func (b *builder) finish(text string, classes int) (*onnx.Model, error) {
	if b.err != nil {
		return nil, b.err
	}
	if len(b.shape) != 1 || b.shape[0] != classes {
		return nil, usage("student", "%s ends in shape %v, expected (%d)", text, b.shape, classes)
	}
	b.g.Nodes[len(b.g.Nodes)-1].Outputs[0] = "logits"
	b.g.Outputs = []*onnx.Value{{Name: "logits", DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Param: graph.BatchName}, {Value: int64(classes)}}}}
	m := &onnx.Model{
		IRVersion: irVersion, Opsets: []onnx.Opset{{Version: opset}}, ProducerName: "kdonnx", Graph: b.g,
		Metadata: []onnx.Entry{{Key: "kdonnx.architecture", Value: text}},
	}
	if len(b.frozen) > 0 {
		m.Metadata = append(m.Metadata, onnx.Entry{Key: graph.FrozenKey, Value: strings.Join(b.frozen, ",")})
	}
	return m, nil
}
