package student

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
	"github.com/kdonnx/kdonnx/student/optim"
)

// maxProjection bounds the weights of a projection.
const maxProjection = 1 << 26

// Projection is the regressor of a hint (FitNets, Romero et al. 2015, arXiv
// 1412.6550, section 2.2): a learnable linear map of a value inside the
// student's graph onto what a teacher has in a place of its own. It is trained
// with the student, in a graph of its own that shares the student's parameters,
// and is no part of the student: neither its model nor its predictions know of
// it.
//
// Of rows (C, H, W) and a target (C', H', W') no larger in height and width it
// is a convolution without padding whose kernel, (H−H'+1)×(W−W'+1), gives the
// target's size, 1×1 where they are equal; of rows (T, D) and a target (T, D')
// one linear map for all T places; of all others a linear map of the flattened
// values.
type Projection struct {
	s      *Student
	g      *graph.Graph // of the student, with the projection as the second output
	how    string
	size   int
	params int
}

// Project makes a projection of the named value of s onto rows of the shape
// target. Its weights are drawn by seed from Glorot's uniform distribution, its
// biases are 0. A value that is not among Values is an error of kind Usage.
func (s *Student) Project(value string, target []int, seed uint64) (*Projection, error) {
	all := s.Values()
	i := slices.IndexFunc(all, func(v Value) bool { return v.Name == value })
	if i < 0 {
		return nil, fault.New(fault.Usage, s.g.Name, "value "+value, "not there, or not one that is trained, expected one of %s", valueNames(all))
	}
	p := &Projection{s: s, size: product(target)}
	if len(target) == 0 || p.size < 1 {
		return nil, fault.New(fault.Input, s.g.Name, "value "+value, "is to be projected onto rows of shape %v, expected positive axes", target)
	}
	l := layerOf(all[i].Shape, target)
	p.how, p.params = l.how, product(l.weight)+product(l.bias)
	if p.params > maxProjection {
		return nil, fault.New(fault.Input, s.g.Name, "value "+value, "has rows of shape %v: projecting them onto %v takes %d weights, expected at most %d: name smaller values", all[i].Shape, target, p.params, maxProjection)
	}
	m := s.Model()
	l.append(m, value, seed)
	var err error
	if p.g, err = graph.Import(m, s.g.Name); err != nil {
		return nil, err
	}
	return p, p.g.Share(s.g)
}

// valueNames lists values for people.
func valueNames(all []Value) string {
	const most = 40
	text := ""
	for i, v := range all {
		if i == most {
			return text + fmt.Sprintf(" and %d more", len(all)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q %v", v.Name, v.Shape)
	}
	return text
}

// String says what the projection is: "linear map 800 → 1200".
func (p *Projection) String() string { return p.how }

// Size is the number of values of one row of what the projection gives.
func (p *Projection) Size() int { return p.size }

// Params is the number of its weights and biases.
func (p *Projection) Params() int { return p.params }

// NewTrainer is NewTrainer of the student and the projection together:
// Trainer.Projected is then the projection's output. Settings of the optimiser
// hold for the projection's weights too.
func (p *Projection) NewTrainer(opt optim.Optimizer, batch int, seed uint64) (*Trainer, error) {
	return trainGraph(p.s, p.g, opt, batch, seed)
}

// layer is the op that a projection is made of.
type layer struct {
	how     string
	op      string
	flatten bool
	weight  []int
	bias    []int
	fan     int // values that go into one, and, for Glorot's draw, out of one
	fanOut  int
}

// layerOf is the projection of rows of shape from onto rows of shape to.
func layerOf(from, to []int) layer {
	switch {
	case len(from) == 3 && len(to) == 3 && from[1] >= to[1] && from[2] >= to[2]:
		kh, kw := from[1]-to[1]+1, from[2]-to[2]+1
		return layer{how: fmt.Sprintf("%d×%d convolution %s → %s", kh, kw, axes(from), axes(to)), op: "Conv",
			weight: []int{to[0], from[0], kh, kw}, bias: []int{to[0]}, fan: from[0] * kh * kw, fanOut: to[0] * kh * kw}
	case len(from) == 2 && len(to) == 2 && from[0] == to[0]:
		return layer{how: fmt.Sprintf("linear map of each place %s → %s", axes(from), axes(to)), op: "MatMul",
			weight: []int{from[1], to[1]}, bias: []int{to[1]}, fan: from[1], fanOut: to[1]}
	}
	d, e := product(from), product(to)
	return layer{how: fmt.Sprintf("linear map %s → %s", axes(from), axes(to)), op: "Gemm", flatten: len(from) != 1,
		weight: []int{d, e}, bias: []int{e}, fan: d, fanOut: e}
}

// append puts the layer behind the value of m, as a further output.
func (l layer) append(m *onnx.Model, value string, seed uint64) {
	g := m.Graph
	taken := map[string]bool{}
	for _, n := range g.Nodes {
		for _, name := range slices.Concat([]string{n.Name}, n.Inputs, n.Outputs) {
			taken[name] = true
		}
	}
	fresh := func(name string) string {
		for taken[name] {
			name += "_"
		}
		return name
	}
	rng := rand.New(rand.NewPCG(seed, 0x68696e74))
	limit := math.Sqrt(6 / float64(l.fan+l.fanOut)) // Glorot and Bengio 2010, equation 16
	weights := make([]float32, product(l.weight))
	for i := range weights {
		weights[i] = float32((2*rng.Float64() - 1) * limit)
	}
	weight, bias, out := fresh("hint.weight"), fresh("hint.bias"), fresh("hint")
	g.Initializers = append(g.Initializers, onnx.FloatTensor(weight, dims64(l.weight), weights), onnx.FloatTensor(bias, dims64(l.bias), make([]float32, product(l.bias))))
	node := func(op string, out string, attrs []*onnx.Attr, in ...string) string {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: out, OpType: op, Inputs: in, Outputs: []string{out}, Attrs: attrs})
		return out
	}
	if l.flatten {
		value = node("Flatten", fresh("hint.flat"), []*onnx.Attr{onnx.IntAttr("axis", 1)}, value)
	}
	if l.op == "MatMul" {
		node("Add", out, nil, node("MatMul", fresh("hint.product"), nil, value, weight), bias)
	} else {
		node(l.op, out, nil, value, weight, bias)
	}
	g.Outputs = append(g.Outputs, &onnx.Value{Name: out, DType: onnx.Float32})
}

// axes prints a shape as 64×8×8.
func axes(shape []int) string {
	text := ""
	for i, d := range shape {
		if i > 0 {
			text += "×"
		}
		text += fmt.Sprint(d)
	}
	return text
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		if d > 0 && n > math.MaxInt32/d {
			return math.MaxInt32
		}
		n *= d
	}
	return n
}

func dims64(dims []int) []int64 {
	out := make([]int64, len(dims))
	for i, d := range dims {
		out[i] = int64(d)
	}
	return out
}
