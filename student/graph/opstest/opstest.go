// Package opstest is the suite that every op of a student passes: forward
// against a float64 reference, the gradient of every input against finite
// differences of that reference, entry by entry (a random sample of large
// inputs) and along a random direction, for batches of 1 and 5, with inputs
// shared by two nodes or used twice by one. Rows register themselves; an op
// without a row fails the suite.
package opstest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// Tensor is a float64 array in row-major order.
type Tensor struct {
	Dims []int
	Data []float64
}

// Kind is where an input of a node comes from.
type Kind int

// The kinds of input.
const (
	Data  Kind = iota // a graph input
	Param             // a trained initializer
	State             // running statistics
	Const             // a float constant that is no parameter of the function
	Ints              // an integer constant
	None              // left out
	Ids               // a graph input of int64, numbers from Lo to Hi
)

// Input is one input of the node under test.
type Input struct {
	Kind   Kind
	Shape  graph.Shape // Batch (−1) where the batch is
	Lo, Hi float64     // range of the random values; both 0: −1 to 1
	Values []float64   // of Const
	Ints   []int64
}

// Env is what a reference may depend on besides its inputs.
type Env struct {
	Training   bool
	Seed, Step uint64
	Node       int // index of the node in the graph
}

// Case is one row of the suite.
type Case struct {
	Op       string
	Name     string
	Opset    int64 // 0: 17
	Attrs    []*onnx.Attr
	Inputs   []Input
	MinBatch int // smallest batch that trains
	Outputs  int // of the node; 0: 1
	// Ref computes the output in float64 by the definition of the op; of
	// several outputs, their values one after another.
	Ref func(e Env, in []Tensor) Tensor
}

var rows = map[string][]Case{}

// Add registers a row.
func Add(c Case) { rows[c.Op] = append(rows[c.Op], c) }

// Missing lists the registered ops that have no row.
func Missing() []string {
	var names []string
	for _, op := range graph.Ops() {
		if len(rows[op]) == 0 {
			names = append(names, op)
		}
	}
	return names
}

// Run runs every row.
func Run(t *testing.T) {
	for _, op := range Missing() {
		t.Errorf("op %s has no row in opstest", op)
	}
	for _, c := range Rows() {
		for _, batch := range []int{1, 5} {
			for _, v := range []Variant{Plain, Twice, Same} {
				t.Run(fmt.Sprintf("%s/%s/batch%d/%s", c.Op, c.Name, batch, v), func(t *testing.T) {
					if !c.allows(batch, v) {
						t.SkipNow()
					}
					if err := c.Check(batch, v, nil); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// Rows lists the rows, op by op in alphabetical order.
func Rows() []Case {
	var names []string
	for op := range rows {
		names = append(names, op)
	}
	sort.Strings(names)
	var all []Case
	for _, op := range names {
		all = append(all, rows[op]...)
	}
	return all
}

// Variant is how the node stands in the graph.
type Variant string

// The variants: once; two nodes on the same inputs whose outputs are added;
// the first input given as the second too.
const (
	Plain Variant = "plain"
	Twice Variant = "twice"
	Same  Variant = "same"
)

func (c Case) allows(batch int, v Variant) bool {
	if batch < c.MinBatch {
		return false
	}
	if v != Same {
		return true
	}
	if len(c.Inputs) < 2 || c.Inputs[0].Kind != c.Inputs[1].Kind || c.Inputs[0].Kind > Param {
		return false
	}
	return c.Inputs[0].Shape.String() == c.Inputs[1].Shape.String()
}

// Tamper spoils a run on purpose, to see that Check notices. Either may be nil.
type Tamper struct {
	Weights func(input int, dims []int, data []float32) // after import
	Grads   func(input int, grad []float32)             // after the backward pass
}

// fullCheck is the number of entries of one input up to which every one is
// differentiated; of more, about so many.
const fullCheck = 150

// tolerance is the error allowed relative to the largest reference value.
const tolerance = 2e-5

// Check runs one row and tells where it departs from the reference.
func (c Case) Check(batch int, v Variant, tamper *Tamper) error {
	r, err := c.newRun(batch, v)
	if err != nil {
		return err
	}
	if tamper != nil && tamper.Weights != nil {
		for i, p := range r.params {
			if p != nil {
				tamper.Weights(i, p.Dims, p.Data)
			}
		}
	}
	for _, training := range []bool{false, true} {
		if err := r.check(training, tamper); err != nil {
			return fmt.Errorf("training %v: %w", training, err)
		}
	}
	return nil
}

// run is one row made into a graph.
type run struct {
	Case
	variant Variant
	batch   int
	model   *onnx.Model
	g       *graph.Graph
	values  []Tensor       // by input of the node
	params  []*graph.Param // by input; nil for data
	feed    []int          // graph inputs, as inputs of the node
	rng     *rand.Rand
}

func (c Case) newRun(batch int, v Variant) (*run, error) {
	r := &run{Case: c, variant: v, batch: batch, rng: rand.New(rand.NewPCG(1, uint64(batch)))}
	m := &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: max(c.Opset, 0)}}, Graph: &onnx.Graph{Name: "row"}}
	if c.Opset == 0 {
		m.Opsets[0].Version = 17
	}
	node := &onnx.Node{OpType: c.Op, Attrs: c.Attrs}
	for i, in := range c.Inputs {
		name := fmt.Sprintf("in%d", i)
		if v == Same && i == 1 {
			name = "in0"
		}
		r.values = append(r.values, r.draw(in))
		switch {
		case in.Kind == None:
			name = ""
		case v == Same && i == 1:
			r.values[1] = r.values[0]
		case in.Kind == Data || in.Kind == Ids:
			m.Graph.Inputs = append(m.Graph.Inputs, declare(name, in))
			r.feed = append(r.feed, i)
		default:
			m.Graph.Initializers = append(m.Graph.Initializers, tensor(name, in, r.values[i]))
		}
		node.Inputs = append(node.Inputs, name)
	}
	second := *node
	for k := range max(c.Outputs, 1) {
		y, y2, z := fmt.Sprintf("y%d", k), fmt.Sprintf("y%d_2", k), fmt.Sprintf("z%d", k)
		node.Outputs, second.Outputs = append(node.Outputs, y), append(second.Outputs, y2)
		if v == Twice {
			m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: "Add", Inputs: []string{y, y2}, Outputs: []string{z}})
			y = z
		}
		m.Graph.Outputs = append(m.Graph.Outputs, &onnx.Value{Name: y, DType: onnx.Float32})
	}
	if v == Twice {
		m.Graph.Nodes = append([]*onnx.Node{&second}, m.Graph.Nodes...)
	}
	m.Graph.Nodes = append([]*onnx.Node{node}, m.Graph.Nodes...)
	r.model = m
	var err error
	if r.g, err = graph.Import(m, "row.onnx"); err != nil {
		return nil, err
	}
	r.g.TrackInputs()
	r.params = make([]*graph.Param, len(c.Inputs))
	for _, p := range r.g.Params {
		var i int
		if _, err := fmt.Sscanf(p.Name, "in%d", &i); err == nil {
			r.params[i] = p
		}
	}
	return r, nil
}

// draw makes distinct values, evenly spaced over the range in random order,
// so that no two tie and none of an even number is 0; rounded to float32.
func (r *run) draw(in Input) Tensor {
	t := Tensor{Dims: in.Shape.At(r.batch)}
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	if in.Kind == None || in.Kind == Ints {
		return t
	}
	t.Data = make([]float64, n)
	lo, hi := in.Lo, in.Hi
	if in.Kind == Ids {
		for i := range t.Data {
			t.Data[i] = lo + float64(r.rng.IntN(int(hi-lo)+1))
		}
		return t
	}
	if lo == 0 && hi == 0 {
		lo, hi = -1, 1
	}
	slots := n + n%2
	for i, k := range r.rng.Perm(slots)[:n] {
		t.Data[i] = float64(float32(lo + (hi-lo)*(float64(k)+0.5)/float64(slots)))
	}
	if in.Values != nil {
		for i, v := range in.Values {
			t.Data[i] = float64(float32(v))
		}
	}
	return t
}

func declare(name string, in Input) *onnx.Value {
	v := &onnx.Value{Name: name, DType: onnx.Float32, HasShape: true}
	if in.Kind == Ids {
		v.DType = onnx.Int64
	}
	for _, d := range in.Shape {
		if d < 0 {
			v.Shape = append(v.Shape, onnx.Dim{Param: "N"})
		} else {
			v.Shape = append(v.Shape, onnx.Dim{Value: int64(d)})
		}
	}
	return v
}

// reference is the output for the given inputs of the node.
func (r *run) reference(training bool, in []Tensor) Tensor {
	e := Env{Training: training, Seed: 7, Step: 3}
	y := r.Ref(e, in)
	if r.variant == Twice {
		e.Node = 1
		z := r.Ref(e, in)
		sum := Tensor{y.Dims, make([]float64, len(y.Data))}
		for i := range sum.Data {
			sum.Data[i] = y.Data[i] + z.Data[i]
		}
		return sum
	}
	return y
}

func (r *run) check(training bool, tamper *Tamper) error {
	var grads graph.Gradients
	if training {
		grads = r.g.NewGradients()
	}
	p, err := r.g.NewPlan(r.batch, grads)
	if err != nil {
		return err
	}
	p.SetRandom(7, 3)
	var inputs [][]float32
	for _, i := range r.feed {
		inputs = append(inputs, toFloat32(r.values[i].Data))
	}
	want := r.reference(training, r.values)
	p.Forward(inputs...)
	p.Forward(inputs...) // a second pass must not see the first
	if err := p.Err(); err != nil {
		return err
	}
	if err := compare("output", r.join(p.Output), want.Data); err != nil {
		return err
	}
	if !training {
		return nil
	}
	loss := make([]float64, len(want.Data))
	for i := range loss {
		loss[i] = float64(float32(r.rng.NormFloat64()))
	}
	at := toFloat32(loss)
	for k := range max(r.Outputs, 1) {
		at = at[copy(p.OutputGrad(k), at):]
	}
	p.Backward()
	return r.checkGradients(p, grads, loss, tamper)
}

// join is the values of all outputs, one after another.
func (r *run) join(output func(i int) []float32) []float32 {
	var all []float32
	for k := range max(r.Outputs, 1) {
		all = append(all, output(k)...)
	}
	return all
}

// checkGradients compares what the plan gave with finite differences of
// L = Σ loss·y computed in float64.
func (r *run) checkGradients(p *graph.Plan, grads graph.Gradients, loss []float64, tamper *Tamper) error {
	at := func(in []Tensor) float64 {
		y, sum := r.reference(true, in), 0.0
		for i, v := range y.Data {
			sum += v * loss[i]
		}
		return sum
	}
	got := r.collect(p, grads)
	const h = 1e-5
	along, slope := 0.0, 0.0
	plus, minus := r.copyValues(), r.copyValues()
	for i, g := range got {
		if g == nil {
			continue
		}
		if tamper != nil && tamper.Grads != nil {
			tamper.Grads(i, g)
		}
		want := make([]float64, len(g))
		skip := 0.0 // share of entries left to the directional check alone
		if len(g) > fullCheck {
			skip = 1 - fullCheck/float64(len(g))
		}
		for j := range want {
			d := r.rng.NormFloat64()
			slope += d * float64(g[j])
			plus[i].Data[j] += h * d
			minus[i].Data[j] -= h * d
			if r.rng.Float64() < skip {
				want[j] = float64(g[j])
				continue
			}
			shifted := r.copyValues()
			x := shifted[i].Data[j]
			shifted[i].Data[j] = x + h
			up := at(shifted)
			shifted[i].Data[j] = x - h
			want[j] = (up - at(shifted)) / (2 * h)
		}
		if err := compare(fmt.Sprintf("gradient of input %d", i), g, want); err != nil {
			return err
		}
	}
	along = (at(plus) - at(minus)) / (2 * h)
	if !(math.Abs(along-slope) <= 1e-3*(1+math.Abs(along))) {
		return fmt.Errorf("directional derivative is %g, the reference's %g", slope, along)
	}
	return nil
}

// collect lists the gradients by input of the node; nil for what has none.
func (r *run) collect(p *graph.Plan, grads graph.Gradients) [][]float32 {
	got := make([][]float32, len(r.Inputs))
	for k, i := range r.feed {
		got[i] = p.InputGrad(k)
	}
	for k, param := range r.g.Params {
		for i := range r.Inputs {
			if r.params[i] == param && r.Inputs[i].Kind == Param {
				got[i] = grads[k]
			}
		}
	}
	return got
}

// copyValues copies the inputs, keeping two that are the same value so.
func (r *run) copyValues() []Tensor {
	out := make([]Tensor, len(r.values))
	for i, t := range r.values {
		out[i] = Tensor{t.Dims, append([]float64{}, t.Data...)}
	}
	if r.variant == Same {
		out[1] = out[0]
	}
	return out
}

func toFloat32(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// compare allows an error of tolerance times the largest wanted value, and
// tolerance/10 where all of them cancel out.
func compare(what string, got []float32, want []float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s has %d values, want %d", what, len(got), len(want))
	}
	top := 0.0
	for _, v := range want {
		top = max(top, math.Abs(v))
	}
	for i, v := range want {
		if d := math.Abs(float64(got[i]) - v); !(d <= tolerance*(top+0.1)) {
			return fmt.Errorf("%s[%d] is %g, want %g", what, i, got[i], v)
		}
	}
	return nil
}
