package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Shape arithmetic: the ops that exporters put between Shape and Reshape,
// computed at import.

type intBinary func(a, b integer) (integer, error)

var intBinaries = map[string]intBinary{
	"Add":            integer.add,
	"Sub":            integer.sub,
	"Mul":            integer.mul,
	"Div":            integer.div,
	"Equal":          equal,
	"Less":           compare(func(s int) bool { return s < 0 }),
	"LessOrEqual":    compare(func(s int) bool { return s <= 0 }),
	"Greater":        compare(func(s int) bool { return s > 0 }),
	"GreaterOrEqual": compare(func(s int) bool { return s >= 0 }),
	"And":            func(a, b integer) (integer, error) { return boolean(a != integer{} && b != integer{}), nil },
	"Or":             func(a, b integer) (integer, error) { return boolean(a != integer{} || b != integer{}), nil },
	"Min":            func(a, b integer) (integer, error) { return choose(a, b, -1) },
	"Max":            func(a, b integer) (integer, error) { return choose(a, b, 1) },
}

// choose is the one of a and b whose difference has the sign.
func choose(a, b integer, sign int) (integer, error) {
	s, _, err := a.sign(b)
	if s == -sign {
		return b, err
	}
	return a, err
}

var intUnaries = map[string]func(a integer) (integer, error){
	"Neg": integer.neg,
	"Not": func(a integer) (integer, error) { return boolean(a == integer{}), nil },
	"Abs": func(a integer) (integer, error) {
		s, _, err := a.sign(integer{})
		if err == nil && s < 0 {
			return a.neg()
		}
		return a, err
	},
}

var intReductions = map[string]intBinary{
	"ReduceProd": integer.mul,
	"ReduceSum":  integer.add,
	"ReduceMin":  func(a, b integer) (integer, error) { return choose(a, b, -1) },
	"ReduceMax":  func(a, b integer) (integer, error) { return choose(a, b, 1) },
}

// folded lists the ops that import computes and no student has as a node.
var folded = map[string]bool{
	"Shape": true, "Size": true, "Range": true, "ConstantOfShape": true, "Mod": true, "Where": true,
	"Equal": true, "Less": true, "LessOrEqual": true, "Greater": true, "GreaterOrEqual": true,
	"And": true, "Or": true, "Not": true, "Neg": true, "Abs": true, "Min": true, "Max": true,
	"ReduceProd": true, "ReduceSum": true, "ReduceMin": true, "ReduceMax": true,
}

// foldInts computes an op of shape arithmetic; known is false where op is
// none.
func (im *importer) foldInts(n *Node) (out *Value, known bool, err error) {
	op := n.source.OpType
	if f := intUnaries[op]; f != nil && len(n.In) == 1 {
		out, err = im.mapInts(n, func(in []integer) (integer, error) { return f(in[0]) })
		return out, true, err
	}
	if f := intBinaries[op]; f != nil && len(n.In) > 0 {
		out, err = im.mapInts(n, func(in []integer) (v integer, err error) {
			v = in[0]
			for _, b := range in[1:] {
				if v, err = f(v, b); err != nil {
					return v, err
				}
			}
			return v, nil
		})
		return out, true, err
	}
	switch {
	case op == "Mod" && len(n.In) == 2:
		out, err = im.mapInts(n, func(in []integer) (integer, error) { return in[0].mod(in[1], n.Int("fmod", 0) != 0) })
	case op == "Where" && len(n.In) == 3:
		out, err = im.mapInts(n, func(in []integer) (integer, error) {
			different, err := equal(in[0], integer{})
			if different == (integer{}) {
				return in[1], err
			}
			return in[2], err
		})
	case intReductions[op] != nil && len(n.In) > 0:
		out, err = im.reduceInts(n, intReductions[op])
	default:
		return nil, false, nil
	}
	return out, true, err
}

// intsOf is an integer value of a shape of numbers.
func intsOf(d onnx.DType, shape Shape, list []integer) *Value {
	return &Value{Shape: shape, dtype: d, isInts: true, ints: list, producer: -1}
}

// mapInts computes f of the inputs' values, with broadcasting.
func (im *importer) mapInts(n *Node, f func(in []integer) (integer, error)) (*Value, error) {
	shape := Shape{}
	for i, v := range n.In {
		if v == nil || !v.isInts {
			return nil, fmt.Errorf("input %d is left out or not an integer constant", i)
		}
		var err error
		if shape, err = broadcastShapes(shape, v.Shape); err != nil {
			return nil, err
		}
	}
	size := shape.Size(1)
	if err := im.spend(size); err != nil {
		return nil, err
	}
	out := make([]integer, size)
	in, at := make([]integer, len(n.In)), make([]int, len(shape))
	for k := range out {
		for i, v := range n.In {
			in[i] = v.ints[broadcastIndex(v.Shape, at)]
		}
		var err error
		if out[k], err = f(in); err != nil {
			return nil, err
		}
		advance(at, shape)
	}
	d := n.In[len(n.In)-1].dtype
	switch n.source.OpType {
	case "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Not":
		d = onnx.Bool
	}
	return intsOf(d, shape, out), nil
}

// broadcastIndex is where the multi-index at of a larger shape reads s.
func broadcastIndex(s Shape, at []int) int {
	k := 0
	for i, d := range s {
		j := at[len(at)-len(s)+i]
		if d == 1 {
			j = 0
		}
		k = k*d + j
	}
	return k
}

// advance moves a multi-index on, in row-major order.
func advance(at []int, dims []int) {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i]++; at[i] < dims[i] {
			return
		}
		at[i] = 0
	}
}

func (im *importer) reduceInts(n *Node, f intBinary) (*Value, error) {
	x := n.In[0]
	since := int64(18)
	if n.source.OpType == "ReduceSum" {
		since = 13
	}
	axes, err := n.axes(1, since, len(x.Shape))
	if err != nil {
		return nil, err
	}
	if len(axes) == 0 && n.Int("noop_with_empty_axes", 0) == 0 {
		for i := range x.Shape {
			axes = append(axes, i)
		}
	}
	kept := append(Shape{}, x.Shape...) // with reduced axes of 1
	var shape Shape
	for i, d := range x.Shape {
		switch {
		case !contains(axes, i):
			shape = append(shape, d)
		case n.Int("keepdims", 1) != 0:
			kept[i] = 1
			shape = append(shape, 1)
		default:
			kept[i] = 1
		}
	}
	out := make([]integer, kept.Size(1))
	set, at := make([]bool, len(out)), make([]int, len(kept))
	for _, v := range x.ints {
		k := broadcastIndex(kept, at)
		if set[k] {
			if v, err = f(out[k], v); err != nil {
				return nil, err
			}
		}
		out[k], set[k] = v, true
		advance(at, x.Shape)
	}
	for k := range out {
		if !set[k] && n.source.OpType == "ReduceProd" {
			out[k] = number(1) // the product of nothing
		}
	}
	return intsOf(x.dtype, shape, out), nil
}
