// Package graph is the trainable ONNX graph: an imported model whose shapes
// are known for any batch and whose float initializers are parameters. Each op
// is one file that registers how its shapes follow, and how its forward and
// backward kernels are made.
//
// # Invariants
//
// The first axis of every graph input is the batch, whatever the file says of
// it. Every value is float32 to the kernels: an input of integers (token ids,
// masks) arrives as float32 values that hold them, exact up to 2²⁴, and keeps
// its type in the model that is exported. No op mixes rows of the batch, except
// BatchNormalization in training.
//
// A Graph is as ONNX has it. A Plan of it, for one batch size, has images
// channels-last from the first op that asks for it to the last that bears it,
// with nodes of its own where the order of memory changes, and neighbours that
// one pass computes joined; inputs and outputs of the graph, parameters and
// their gradients keep ONNX's order.
//
// Kernels overwrite what they produce: adding up the gradients of a value with
// several consumers happens in the plan and nowhere else. A kernel allocates
// when it is built, and never in a pass. A step's bits depend neither on
// GOMAXPROCS nor on the instructions that the processor has.
package graph

import (
	"fmt"
	"math"
	"strings"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// FrozenKey is the metadata key of a model that lists, separated by commas,
// the initializers that are not trained.
const FrozenKey = "kdonnx.frozen"

// Shape lists axes. An axis d < 0 has −d entries for each row of the batch,
// so −1 is the batch itself; d ≥ 0 is a number.
type Shape []int

// Batch is the batch axis.
const Batch = -1

// At is the shape for a batch of n rows.
func (s Shape) At(n int) []int {
	out := make([]int, len(s))
	for i, d := range s {
		if d < 0 {
			d = -d * n
		}
		out[i] = d
	}
	return out
}

// Size is the product of the axes for a batch of n rows.
func (s Shape) Size(n int) int { return product(s.At(n)) }

// PerRow is the product of the axes per row, and whether the batch is one of
// the factors, which it is at most once.
func (s Shape) PerRow() (size int, batched bool) {
	size = 1
	for _, d := range s {
		if d < 0 {
			batched, d = true, -d
		}
		size *= d
	}
	return size, batched
}

// String prints the batch axis as N.
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		switch {
		case d == Batch:
			parts[i] = "N"
		case d < 0:
			parts[i] = fmt.Sprintf("%dN", -d)
		default:
			parts[i] = fmt.Sprint(d)
		}
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// Role says what becomes of a parameter in training.
type Role int

// The roles of a parameter.
const (
	Trained Role = iota // follows its gradient
	Frozen              // constant
	State               // running statistics, updated by a training forward
)

// Param is one float initializer or constant.
type Param struct {
	Name  string
	Dims  []int
	Data  []float32 // live: what plans read and optimisers write
	Role  Role
	index int
	grad  bool // a trained parameter that reaches an output
}

// Value is one named value of the graph.
type Value struct {
	Name  string
	Shape Shape

	id       int
	dtype    onnx.DType // in the file; kernels see float32
	param    *Param     // set when it is a float initializer or constant
	ints     []integer  // set when it is an integer initializer or constant
	isInts   bool
	producer int // index of the node; −1 for inputs, parameters and constants
	grad     bool
	outer    int  // entries of the batch axis that the batch is inside of, see orderRows; 0 for 1
	last     bool // channels-last in memory; of plans alone
}

// DType is the element type that the value has in the file: float32, or an
// integer type whose values kernels see as float32.
func (v *Value) DType() onnx.DType { return v.dtype }

// Graph is an imported model.
type Graph struct {
	Name    string // of the file, for errors
	Nodes   []*Node
	Inputs  []*Value
	Outputs []*Value
	Params  []*Param // in the order of the file, constants after initializers

	inputs bool // gradients of the graph's inputs are wanted
	values []*Value
	model  *onnx.Model // normalised copy: batch dynamic, weights as imported
}

// Node is one op of the graph with its resolved values.
type Node struct {
	Name   string // never empty: the op's own or one made from its output
	Op     *Op
	Opset  int64
	In     []*Value // nil where an optional input is left out
	Out    []*Value
	source *onnx.Node
	batch  int64 // the batch number the file fixes, 0 when dynamic
	reads  []int // inputs whose values were taken as constants

	// Of plans alone.
	relu    bool    // the output is rectified
	cap     float32 // and no larger, unless 0
	epsilon float32 // of a normalisation folded into a convolution
	index   int
}

// Int is the integer attribute name, or def.
func (n *Node) Int(name string, def int) int { return int(n.source.AttrInt(name, int64(def))) }

// Float is the float attribute name, or def.
func (n *Node) Float(name string, def float32) float32 { return n.source.AttrFloat(name, def) }

// String is the string attribute name, or def.
func (n *Node) String(name, def string) string { return n.source.AttrString(name, def) }

// Ints is the integer list attribute name, or def.
func (n *Node) Ints(name string, def []int) []int {
	vals := n.source.AttrInts(name, nil)
	if vals == nil {
		return def
	}
	out := make([]int, len(vals))
	for i, v := range vals {
		out[i] = int(v)
	}
	return out
}

// Has tells whether input i is there.
func (n *Node) Has(i int) bool { return i < len(n.In) && n.In[i] != nil }

// ConstInts is the value of input i, which must be an integer constant.
func (n *Node) ConstInts(i int) ([]int64, error) {
	list, err := n.integers(i)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(list))
	for k, a := range list {
		if a.n != 0 {
			return nil, fmt.Errorf("input %q is %s, expected numbers without the batch N", n.In[i].Name, integersText(list))
		}
		out[k] = a.c
	}
	return out, nil
}

// integers is the value of input i, which may grow with the batch.
func (n *Node) integers(i int) ([]integer, error) {
	v := n.In[i]
	if !v.isInts {
		return nil, fmt.Errorf("input %q is computed or not an integer, expected an integer constant", v.Name)
	}
	return v.ints, nil
}

// list is the integers of input i since opset since, and of the attribute
// name before; nil when left out.
func (n *Node) list(i int, name string, since int64) ([]integer, error) {
	a := n.source.Attr(name)
	if n.Opset < since {
		if n.Has(i) {
			return nil, fmt.Errorf("has an input %d, before opset %d it is the attribute %s", i, since, name)
		}
		if a == nil {
			return nil, nil
		}
		return numbers(n.source.AttrInts(name, []int64{})), nil
	}
	if a != nil {
		return nil, fmt.Errorf("has the attribute %s, since opset %d it is input %d", name, since, i)
	}
	if !n.Has(i) {
		return nil, nil
	}
	return n.integers(i)
}

// axes is list of the axes of a value of the given rank, from 0 and each once.
func (n *Node) axes(i int, since int64, rank int) ([]int, error) {
	list, err := n.list(i, "axes", since)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, v := range list {
		if v.n != 0 || v.c < -int64(rank) || v.c >= int64(rank) {
			return nil, fmt.Errorf("axes are %s, expected numbers from %d to %d", integersText(list), -rank, rank-1)
		}
		a, _ := axis(int(v.c), rank, false)
		if contains(out, a) {
			return nil, fmt.Errorf("axes are %s, axis %d twice", integersText(list), a)
		}
		out = append(out, a)
	}
	return out, nil
}

// ConstFloat is the value of input i, which must be one float constant, or
// def when the input is left out. Reading it freezes the parameter.
func (n *Node) ConstFloat(i int, def float32) (float32, error) {
	if !n.Has(i) {
		return def, nil
	}
	v := n.In[i]
	if v.param == nil || len(v.param.Data) != 1 {
		return 0, fmt.Errorf("input %q is not one float constant", v.Name)
	}
	n.reads = append(n.reads, i)
	return v.param.Data[0], nil
}

// axis normalises a possibly negative axis of a value of the given rank; end
// allows axis == rank.
func axis(a, rank int, end bool) (int, error) {
	top := rank - 1
	if end {
		top = rank
	}
	if a < -rank || a > top {
		return 0, fmt.Errorf("axis is %d, expected %d to %d", a, -rank, top)
	}
	if a < 0 {
		a += rank
	}
	return a, nil
}

// MultiplyAdds is the number of multiplications with addition that one row
// costs in the forward pass: those of Gemm, MatMul and Conv.
func (g *Graph) MultiplyAdds() int64 {
	var sum int64
	for _, n := range g.Nodes {
		if n.Op.MultiplyAdds != nil {
			if sum += n.Op.MultiplyAdds(n); sum < 0 {
				return math.MaxInt64
			}
		}
	}
	return sum
}
