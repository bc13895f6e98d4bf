package models

import (
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Specialise makes a classifier of C logits, (N, C), one of the classes of set
// in their order and, last, of a dustbin for all others: (N, len(set)+1). Its
// last weighted layer is a Gemm, a MatMul by a constant or a 1×1 Conv, with
// Adds of constants, pooling, flattening and a softmax behind it; a model that
// ends in anything else is refused by the name of that. Nothing else changes but
// the names of classes in its metadata, which are the caller's. m is changed.
//
// The rows of set stay as they are. The dustbin's true logit, that of the sum of
// the others' probabilities, is L(h) = log Σ_k exp(w_k·h + b_k), which no single
// row w_d·h + b_d can be for all h. The row is its tangent where h = 0:
//
//	p = softmax(b) over the others,  w_d = Σ_k p_k·w_k,  b_d = log Σ_k exp(b_k) = Σ_k p_k·b_k + H(p)
//
// With equal biases that is the mean of the others' rows with the logarithm of
// their number on top. L is convex in h, so the tangent is never above it: the
// dustbin begins too small where one of the others is likely, never too large,
// and exact where these are as likely as their biases say.
func Specialise(m *onnx.Model, set []int) error {
	h, err := findHead(m)
	if err != nil {
		return err
	}
	others, err := h.others(set)
	if err != nil {
		return err
	}
	bias := make([]float64, h.classes)
	for _, p := range h.parts {
		if p.bias {
			for k := range bias {
				bias[k] += float64(float64(p.scale) * float64(p.values[k]))
			}
		}
	}
	share, entropy := shares(bias, others)
	for _, p := range h.parts {
		h.replace(p, set, others, share)
	}
	g := m.Graph
	out := *g.Outputs[0]
	out.Shape = slices.Clone(out.Shape)
	out.Shape[1] = onnx.Dim{Value: int64(len(set) + 1)}
	g.Outputs = []*onnx.Value{&out}
	g.ValueInfo = nil // of values that have another shape now
	more := make([]float32, len(set)+1)
	more[len(set)] = float32(entropy)
	return AddBias(m, more)
}

// shares is the softmax of the biases of others, and its entropy.
func shares(bias []float64, others []int) (p []float64, entropy float64) {
	top := math.Inf(-1)
	for _, k := range others {
		top = max(top, bias[k])
	}
	p, sum := make([]float64, len(others)), 0.0
	for i, k := range others {
		p[i] = math.Exp(bias[k] - top)
		sum += p[i]
	}
	for i := range p {
		if p[i] /= sum; p[i] > 0 {
			entropy -= float64(p[i] * math.Log(p[i]))
		}
	}
	return p, entropy
}

// head is the last weighted layer of a classifier.
type head struct {
	g       *onnx.Graph
	classes int
	parts   []part
}

// part is a constant with a row, or a number, for each class.
type part struct {
	node   *onnx.Node
	input  int // of node
	axis   int // of the classes
	bias   bool
	scale  float32 // of a bias in the logits
	tensor *onnx.Tensor
	values []float32
}

// others are the classes outside set, which must be ascending.
func (h *head) others(set []int) (list []int, err error) {
	for i, k := range set {
		if k < 0 || k >= h.classes || i > 0 && k <= set[i-1] {
			return nil, fault.New(fault.Usage, "", "classes", "got %v, expected ascending ones of 0 to %d", set, h.classes-1)
		}
	}
	for k := range h.classes {
		if _, in := slices.BinarySearch(set, k); !in {
			list = append(list, k)
		}
	}
	if len(set) == 0 || len(list) == 0 {
		return nil, fault.New(fault.Usage, "", "classes", "got %d of %d, expected some and not all: a dustbin needs others", len(set), h.classes)
	}
	return list, nil
}

// findHead walks from the only output back to the layer that the logits come
// from.
func findHead(m *onnx.Model) (*head, error) {
	g := m.Graph
	if len(g.Outputs) != 1 || len(g.Outputs[0].Shape) != 2 || g.Outputs[0].Shape[1].Value < 2 {
		return nil, fault.New(fault.Input, "", "graph", "expected one output (N, classes) to make a specialist of")
	}
	h := &head{g: g, classes: int(g.Outputs[0].Shape[1].Value)}
	value := g.Outputs[0].Name
	if at := producer(g, value); at >= 0 && isSoftmax(g.Nodes[at]) {
		value = g.Nodes[at].Inputs[0]
	}
	for {
		at := producer(g, value)
		if at < 0 {
			return nil, fault.New(fault.Input, "", fmt.Sprintf("value %q", value), "comes from no node, expected a last layer with weights for each class")
		}
		n := g.Nodes[at]
		refuse := func(format string, args ...any) error {
			return fault.New(fault.Input, "", fmt.Sprintf("node %q (%s)", n.Name, n.OpType), format, args...)
		}
		if !plain(n) {
			return nil, refuse("is of domain %q, expected a last layer with weights for each class", n.Domain)
		}
		if value != g.Outputs[0].Name && uses(g, value) != 1 {
			return nil, refuse("is used by others too, expected a last layer with weights for each class")
		}
		switch n.OpType {
		case "Identity", "Flatten", "Squeeze", "GlobalAveragePool", "ReduceMean":
			value = n.Inputs[0]
			continue
		case "Add":
			constant := 1
			if g.Initializer(n.Inputs[0]) != nil {
				constant = 0
			}
			if !h.take(n, constant, -1, true, 1) && !h.take(n, constant, -3, true, 1) { // (C), or (C, 1, 1) behind a Conv
				return nil, refuse("adds no constant of %d numbers, expected a last layer with weights for each class", h.classes)
			}
			value = n.Inputs[1-constant]
			continue
		case "Gemm":
			axis := 1
			if n.AttrInt("transB", 0) != 0 {
				axis = 0
			}
			if h.take(n, 1, axis, false, 1) && (len(n.Inputs) < 3 || n.Inputs[2] == "" || h.take(n, 2, -1, true, n.AttrFloat("beta", 1))) {
				return h, nil
			}
		case "MatMul":
			if h.take(n, 1, 1, false, 1) {
				return h, nil
			}
		case "Conv":
			if n.AttrInt("group", 1) == 1 && h.take(n, 1, 0, false, 1) && h.pointwise() && (len(n.Inputs) < 3 || n.Inputs[2] == "" || h.take(n, 2, 0, true, 1)) {
				return h, nil
			}
		default:
			return nil, refuse("is not what logits come from, expected a Gemm, MatMul or 1×1 Conv with weights for each of %d classes", h.classes)
		}
		return nil, refuse("has no constant float32 weights for each of %d classes, expected a Gemm, MatMul or 1×1 Conv that has", h.classes)
	}
}

// pointwise tells whether the newest part is the kernel of a 1×1 Conv.
func (h *head) pointwise() bool {
	d := h.parts[len(h.parts)-1].tensor.Dims
	return len(d) == 4 && d[2] == 1 && d[3] == 1
}

// take notes an input that is a float32 constant with the classes on an axis,
// counted from the end where it is negative, and of a bias nothing else. It
// tells whether it is one.
func (h *head) take(n *onnx.Node, input, axis int, bias bool, scale float32) bool {
	t := h.g.Initializer(n.Inputs[input])
	if t == nil || t.DType != onnx.Float32 {
		return false
	}
	if axis < 0 {
		axis += len(t.Dims)
	}
	if axis < 0 || axis >= len(t.Dims) || t.Dims[axis] != int64(h.classes) {
		return false
	}
	values, err := t.Float32s()
	if err != nil || bias && len(values) != h.classes {
		return false
	}
	h.parts = append(h.parts, part{n, input, axis, bias, scale, t, values})
	return true
}

// replace gives the node of a part a constant with the rows of set, and last the
// mean of those of others weighted by share. What others use stays.
func (h *head) replace(p part, set, others []int, share []float64) {
	outer, inner := 1, 1
	for i, d := range p.tensor.Dims {
		if i < p.axis {
			outer *= int(d)
		} else if i > p.axis {
			inner *= int(d)
		}
	}
	dims := slices.Clone(p.tensor.Dims)
	dims[p.axis] = int64(len(set) + 1)
	values := make([]float32, 0, outer*(len(set)+1)*inner)
	for o := range outer {
		block := p.values[o*h.classes*inner : (o+1)*h.classes*inner]
		for _, k := range set {
			values = append(values, block[k*inner:(k+1)*inner]...)
		}
		for j := range inner {
			sum := 0.0
			for i, k := range others {
				sum += float64(share[i] * float64(block[k*inner+j]))
			}
			values = append(values, float32(sum))
		}
	}
	name := p.tensor.Name
	fresh := onnx.FloatTensor(name, dims, values)
	if uses(h.g, name) == 1 {
		h.g.Initializers[slices.Index(h.g.Initializers, p.tensor)] = fresh
		return
	}
	for taken := valueNames(h.g); taken[fresh.Name]; {
		fresh.Name += "_"
	}
	h.g.Initializers = append(h.g.Initializers, fresh)
	p.node.Inputs[p.input] = fresh.Name
}
