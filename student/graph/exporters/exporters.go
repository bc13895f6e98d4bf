// Package exporters holds small models written as the exporters of PyTorch,
// TensorFlow and Keras write them: the idioms that import must take. They are
// for tests.
package exporters

import (
	"math"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Idiom is one model of one input and one output.
type Idiom struct {
	Name    string
	Model   *onnx.Model
	Row     []int    // shape of one row of the input
	Ids     int      // > 0: the input is token ids below it
	Classes int      // values of one row of the output
	Trained []string // names of the parameters that train, in order of the model
}

var idioms []func() Idiom

func add(f func() Idiom) { idioms = append(idioms, f) }

// All builds every idiom.
func All() []Idiom {
	var out []Idiom
	for _, f := range idioms {
		out = append(out, f())
	}
	return out
}

// builder writes one model.
type builder struct {
	m     *onnx.Model
	seed  float64
	batch onnx.Dim
}

// start begins a model of the given opset with the input x of rows (row...)
// and the output y.
func start(opset int64, t onnx.DType, row ...int) *builder {
	b := &builder{batch: onnx.Dim{Param: "batch_size"}}
	x := &onnx.Value{Name: "x", DType: t, HasShape: true, Shape: []onnx.Dim{b.batch}}
	for _, d := range row {
		x.Shape = append(x.Shape, onnx.Dim{Value: int64(d)})
	}
	b.m = &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: opset}}, Graph: &onnx.Graph{
		Name: "main_graph", Inputs: []*onnx.Value{x}, Outputs: []*onnx.Value{{Name: "y", DType: onnx.Float32}},
	}}
	return b
}

// fixed makes the batch the number n, as an export without dynamic axes does.
func (b *builder) fixed(n int64) *builder {
	b.m.Graph.Inputs[0].Shape[0] = onnx.Dim{Value: n}
	return b
}

// node appends a node; inputs and outputs are separated by spaces, and "-"
// stands for one that is left out.
func (b *builder) node(op, in, out string, attrs ...*onnx.Attr) *builder {
	n := &onnx.Node{Name: op + "_" + out, OpType: op, Inputs: strings.Fields(in), Outputs: strings.Fields(out), Attrs: attrs}
	for _, list := range [][]string{n.Inputs, n.Outputs} {
		for i, name := range list {
			if name == "-" {
				list[i] = ""
			}
		}
	}
	b.m.Graph.Nodes = append(b.m.Graph.Nodes, n)
	return b
}

// draw is a tensor of values between −scale and scale that look random.
func (b *builder) draw(name string, scale float64, dims ...int64) *onnx.Tensor {
	size := int64(1)
	for _, d := range dims {
		size *= d
	}
	v := make([]float32, size)
	for i := range v {
		b.seed += 1.618
		v[i] = float32(scale * math.Sin(b.seed*b.seed))
	}
	return onnx.FloatTensor(name, dims, v)
}

// weight adds an initializer.
func (b *builder) weight(name string, dims ...int64) *builder {
	return b.init(b.draw(name, 0.5, dims...))
}

// fill adds an initializer (n) of one value.
func (b *builder) fill(name string, v float32, n int) *builder {
	data := make([]float32, n)
	for i := range data {
		data[i] = v
	}
	return b.init(onnx.FloatTensor(name, []int64{int64(n)}, data))
}

func (b *builder) init(t ...*onnx.Tensor) *builder {
	b.m.Graph.Initializers = append(b.m.Graph.Initializers, t...)
	return b
}

// ints adds an int64 initializer of rank 1.
func (b *builder) ints(name string, v ...int64) *builder {
	return b.init(onnx.Int64Tensor(name, []int64{int64(len(v))}, v))
}

// constant appends a Constant node: of one number, of rank 0.
func (b *builder) constant(name string, v int64) *builder {
	return b.node("Constant", "", name, onnx.TensorAttr("value", onnx.Int64Tensor("", nil, []int64{v})))
}

// list appends a Constant node of rank 1.
func (b *builder) list(name string, v ...int64) *builder {
	return b.node("Constant", "", name, onnx.TensorAttr("value", onnx.Int64Tensor("", []int64{int64(len(v))}, v)))
}

// float appends a Constant node of one float, of rank 0.
func (b *builder) float(name string, v float32) *builder {
	return b.node("Constant", "", name, onnx.TensorAttr("value", onnx.FloatTensor("", nil, []float32{v})))
}

// tensor appends a Constant node of weights.
func (b *builder) tensor(name string, dims ...int64) *builder {
	return b.node("Constant", "", name, onnx.TensorAttr("value", b.draw("", 0.5, dims...)))
}

func axis(a int64) *onnx.Attr { return onnx.IntAttr("axis", a) }

func kernel(k int64) *onnx.Attr { return onnx.IntsAttr("kernel_shape", k, k) }

func strides(k int64) *onnx.Attr { return onnx.IntsAttr("strides", k, k) }
