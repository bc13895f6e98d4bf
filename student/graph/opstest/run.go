package opstest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

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
		case in.Kind == Data || in.Kind >= Ids:
			m.Graph.Inputs = append(m.Graph.Inputs, declare(name, in))
			r.feed = append(r.feed, i)
			if in.Kind == Mask {
				m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: "IsNaN", Inputs: []string{name}, Outputs: []string{name + "_mask"}})
				name += "_mask"
			}
		default:
			m.Graph.Initializers = append(m.Graph.Initializers, tensor(name, in, r.values[i]))
		}
		node.Inputs = append(node.Inputs, name)
	}
	second := *node
	var after []*onnx.Node
	for k := range max(c.Outputs, 1) {
		y, y2, z := fmt.Sprintf("y%d", k), fmt.Sprintf("y%d_2", k), fmt.Sprintf("z%d", k)
		node.Outputs, second.Outputs = append(node.Outputs, y), append(second.Outputs, y2)
		if c.Cast {
			for _, to := range []*string{&y, &y2} {
				after = append(after, &onnx.Node{OpType: "Cast", Inputs: []string{*to}, Outputs: []string{*to + "_float"}, Attrs: []*onnx.Attr{onnx.IntAttr("to", int64(onnx.Float32))}})
				*to += "_float"
				if v != Twice {
					break
				}
			}
		}
		if v == Twice {
			after = append(after, &onnx.Node{OpType: "Add", Inputs: []string{y, y2}, Outputs: []string{z}})
			y = z
		}
		m.Graph.Outputs = append(m.Graph.Outputs, &onnx.Value{Name: y, DType: onnx.Float32})
	}
	m.Graph.Nodes = append(m.Graph.Nodes, node)
	if v == Twice {
		m.Graph.Nodes = append(m.Graph.Nodes, &second)
	}
	m.Graph.Nodes = append(m.Graph.Nodes, after...)
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
	if in.Kind >= Holes {
		for i := range t.Data {
			if r.rng.IntN(3) == 0 {
				t.Data[i] = math.NaN()
			}
		}
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
