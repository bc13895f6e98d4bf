// Package randomnets draws small nets of the ops on images and rows: residual
// links, values with several readers, weights that are shared or computed,
// outputs that other nodes read. They are for tests.
package randomnets

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Draw is net number seed: one input x, the outputs named in its graph.
func Draw(seed uint64) *onnx.Model {
	d := &drawer{rng: rand.New(rand.NewPCG(seed, 77))}
	x := value{"x", d.row()}
	d.values = append(d.values, x)
	d.read = map[string]bool{"x": true}
	for want := 3 + d.rng.IntN(10); len(d.values) <= want; {
		d.grow()
	}
	g := &onnx.Graph{Name: "random", Nodes: d.nodes, Initializers: d.inits, Inputs: []*onnx.Value{typed(x)}}
	for _, v := range d.values {
		if !d.read[v.name] || v.name != "x" && d.rng.IntN(10) == 0 {
			g.Outputs = append(g.Outputs, typed(v))
		}
	}
	return &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 17}}, Graph: g}
}

// A value has the shape of one row.
type value struct {
	name  string
	shape []int
}

func typed(v value) *onnx.Value {
	t := &onnx.Value{Name: v.name, DType: onnx.Float32, HasShape: true, Shape: []onnx.Dim{{Param: "n"}}}
	for _, d := range v.shape {
		t.Shape = append(t.Shape, onnx.Dim{Value: int64(d)})
	}
	return t
}

type drawer struct {
	rng    *rand.Rand
	values []value
	read   map[string]bool
	nodes  []*onnx.Node
	inits  []*onnx.Tensor
	names  int
}

// row is the shape of the input: mostly an image, the odd side 1.
func (d *drawer) row() []int {
	side := func() int { return []int{1, 2, 3, 5, 6, 7}[d.rng.IntN(6)] }
	switch d.rng.IntN(16) {
	case 0, 1:
		return []int{d.rng.IntN(6) + 1, side() + 2}
	case 2, 3:
		return []int{d.rng.IntN(9) + 1}
	case 4:
		return []int{d.rng.IntN(4) + 1, 2, 1, 3}
	}
	return []int{d.rng.IntN(5) + 1, side(), side()}
}

func (d *drawer) name(kind string) string {
	d.names++
	return fmt.Sprintf("%s%d", kind, d.names)
}

// weight is an initializer of values from lo to hi.
func (d *drawer) weight(lo, hi float64, dims ...int) string {
	size, long := 1, []int64{}
	for _, n := range dims {
		size, long = size*n, append(long, int64(n))
	}
	data := make([]float32, size)
	for i := range data {
		data[i] = float32(lo + (hi-lo)*d.rng.Float64())
	}
	name := d.name("w")
	d.inits = append(d.inits, onnx.FloatTensor(name, long, data))
	return name
}

// learnt is a weight: a new one, one that has been before, or one that a node
// computes.
func (d *drawer) learnt(lo, hi float64, dims ...int) string {
	if d.rng.IntN(6) == 0 {
		for _, t := range d.inits {
			if slices.EqualFunc(t.Dims, dims, func(a int64, b int) bool { return a == int64(b) }) && strings.HasPrefix(t.Name, "w") && t.DType == onnx.Float32 {
				return t.Name
			}
		}
	}
	w := d.weight(lo, hi, dims...)
	switch d.rng.IntN(10) {
	case 0:
		return d.raw("Identity", []string{w})
	case 1:
		return d.raw("Mul", []string{w, d.weight(0.7, 1.3, dims[len(dims)-1])})
	}
	return w
}

func (d *drawer) ints(v ...int64) string {
	name := d.name("i")
	d.inits = append(d.inits, onnx.Int64Tensor(name, []int64{int64(len(v))}, v))
	return name
}

// raw adds a node and gives the name of its output.
func (d *drawer) raw(op string, in []string, attrs ...*onnx.Attr) string {
	out := d.name("v")
	d.nodes = append(d.nodes, &onnx.Node{Name: out, OpType: op, Inputs: in, Outputs: []string{out}, Attrs: attrs})
	for _, name := range in {
		d.read[name] = true
	}
	return out
}

// add is raw for a value of rows of the given shape.
func (d *drawer) add(shape []int, op string, in []string, attrs ...*onnx.Attr) value {
	v := value{d.raw(op, in, attrs...), shape}
	d.values = append(d.values, v)
	return v
}

// pick is a value, mostly one of the last.
func (d *drawer) pick() value {
	if d.rng.IntN(3) > 0 {
		return d.values[len(d.values)-1]
	}
	return d.values[d.rng.IntN(len(d.values))]
}

// like is a value of the shape of v, v itself where there is no other.
func (d *drawer) like(v value, same func(a, b []int) bool) value {
	var fit []value
	for _, u := range d.values {
		if u.name != v.name && same(u.shape, v.shape) {
			fit = append(fit, u)
		}
	}
	if len(fit) == 0 || d.rng.IntN(8) == 0 {
		return v
	}
	return fit[d.rng.IntN(len(fit))]
}

func equal(a, b []int) bool { return slices.Equal(a, b) }
