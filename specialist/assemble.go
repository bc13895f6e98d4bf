package specialist

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
)

// Assemble makes one model of b: rows as the generalist takes them in, the
// probabilities (N, C) of Ensemble.Predict out, under the name of the
// generalist's output. It has standard ops alone:
//
//	generalist → TopK → who is active → If anybody is, in any row:
//	    each specialist, If it is in any row: its rows gathered, its nodes, what it says scattered
//	    → fused (solved, in a Loop)
//
// so that a specialist costs nothing where it is not active, and no answer
// depends on it. All models must be of one opset, 13 or later.
func Assemble(b *Bundle) (*onnx.Model, error) {
	g, err := load(b.Path(b.Generalist), len(b.Classes), nil)
	if err != nil {
		return nil, err
	}
	input, output := *g.Graph.Inputs[0], g.Graph.Outputs[0].Name
	rename(g.Graph, "generalist/", input.Name)
	main := &block{g: g.Graph, prefix: "fuse/", opset: g.Opset("")}
	if main.opset < 13 {
		return nil, fault.New(fault.Input, b.Path(b.Generalist), "opset", "got %d, expected at least 13", main.opset)
	}
	logits := g.Graph.Outputs[0].Name
	probabilities := main.with(lastAxis, "Softmax", main.double(logits))
	f := &fusion{bundle: b, model: g, input: input, classes: len(b.Classes)}
	if len(b.Specialists) > 0 {
		active := f.active(main, logits)
		within := newBlock("fuse/active/", main.opset)
		fused, err := f.fused(within, probabilities, active)
		if err != nil {
			return nil, err
		}
		none := newBlock("fuse/none/", main.opset)
		probabilities = main.choose(1, main.positive(active, 0, 1), within.gives(fused), none.gives(none.op("Identity", probabilities)))[0]
	}
	main.cast(probabilities, onnx.Float32)
	g.Graph.Nodes[len(g.Graph.Nodes)-1].Outputs[0] = output
	g.Graph.Outputs = []*onnx.Value{{Name: output, Kind: onnx.KindTensor, DType: onnx.Float32, HasShape: true,
		Shape: []onnx.Dim{input.Shape[0], {Value: int64(len(b.Classes))}}}}
	return g, nil
}

var lastAxis = []*onnx.Attr{onnx.IntAttr("axis", -1)}

// load reads a model of a bundle as it is run natively, which has to give so
// many logits; where like is not nil, with an input like that.
func load(path string, classes int, like *onnx.Value) (*onnx.Model, error) {
	st, err := student.Load(path)
	if err != nil {
		return nil, err
	}
	m := st.Model()
	in, out := m.Graph.Inputs[0], m.Graph.Outputs[0]
	switch {
	case models.EndsInSoftmax(m):
		return nil, fault.New(fault.Input, path, "output "+out.Name, "is a softmax, expected the logits before it")
	case len(out.Shape) != 2 || st.Classes() != classes:
		return nil, fault.New(fault.Input, path, "output "+out.Name, "has rank %d and %d values a row, expected (N, %d) logits", len(out.Shape), st.Classes(), classes)
	case like != nil && (in.DType != like.DType || !slices.Equal(in.Shape[1:], like.Shape[1:])):
		return nil, fault.New(fault.Input, path, "input "+in.Name, "is %s of shape %v, expected %s of shape %v, as the generalist's", in.DType, in.Shape, like.DType, like.Shape)
	}
	return m, nil
}

// rename puts prefix before every name in g but that of one value.
func rename(g *onnx.Graph, prefix, but string) {
	put := func(name *string) {
		if *name != "" && *name != but {
			*name = prefix + *name
		}
	}
	for _, v := range slices.Concat(g.Inputs, g.Outputs, g.ValueInfo) {
		put(&v.Name)
	}
	for _, t := range g.Initializers {
		put(&t.Name)
	}
	for _, n := range g.Nodes {
		put(&n.Name)
		for _, names := range [][]string{n.Inputs, n.Outputs} {
			for i := range names {
				put(&names[i])
			}
		}
	}
}

// fusion makes the graph that fuses.
type fusion struct {
	bundle  *Bundle
	model   *onnx.Model // the whole
	input   onnx.Value  // its input
	classes int
}

// active adds which specialists are, (N, specialists), 1 or 0 in float64.
func (f *fusion) active(b *block, logits string) string {
	all := len(f.bundle.Specialists)
	covers := make([]byte, f.classes*all)
	for m, s := range f.bundle.Specialists {
		for _, k := range s.Classes {
			covers[k*all+m] = 1
		}
	}
	best := b.nodes(2, nil, "TopK", logits, b.ints(int64(f.bundle.Top)))[1]
	hits := b.sum(b.double(b.gather(b.bools(covers, int64(f.classes), int64(all)), best, 0)), 0, 1)
	return b.op("Min", hits, b.float(1))
}

// fused adds the probabilities of all rows, (N, C), of which some have somebody
// active.
func (f *fusion) fused(b *block, probabilities, active string) (string, error) {
	said := b.op("Max", probabilities, b.float(least))
	terms := []string{b.op("Div", said, b.sum(said, 1, 1))}
	nothing := b.op("Mul", probabilities, b.float(0))
	noMass := b.sum(nothing, 1, 1)
	var masses []string
	for m, s := range f.bundle.Specialists {
		column := b.gather(active, b.constant(onnx.Int64Tensor(b.name("which"), nil, []int64{int64(m)})), 1)
		yes, err := f.specialist(b.opset, m, &s, column, nothing, noMass)
		if err != nil {
			return "", err
		}
		no := newBlock(fmt.Sprintf("fuse/idle-%03d/", m), b.opset)
		out := b.choose(2, b.positive(column, 0), yes, no.gives(no.op("Identity", nothing), no.op("Identity", noMass)))
		terms, masses = append(terms, out[0]), append(masses, out[1])
	}
	asked := b.sum(active, 1, 1)
	p := pull{a: b.add(b.op("Sum", terms...), 1), total: b.add(b.op("Add", asked, b.float(1)), 1)}
	q := b.op("Div", p.a, p.total)
	if f.slots(&p, b, b.with([]*onnx.Attr{onnx.IntAttr("axis", 1)}, "Concat", masses...), active) {
		q = b.solved(p)
	}
	q = b.op("Squeeze", q, b.ints(1))
	return b.op("Where", b.op("Greater", asked, b.float(0)), q, probabilities), nil
}

// slots gives each row slots for the dustbins of its active specialists, as many as
// any row can have; masses are those of all, (N, specialists). It tells whether
// there is any dustbin, which a specialist for all classes has not.
func (f *fusion) slots(p *pull, b *block, masses, active string) bool {
	all, binned := len(f.bundle.Specialists), 0
	covering, outside, has := make([]int, f.classes), make([]byte, all*f.classes), make([]float64, all)
	for m, s := range f.bundle.Specialists {
		if len(s.Classes) == f.classes {
			continue
		}
		binned++
		has[m] = 1
		for k := range f.classes {
			outside[m*f.classes+k] = 1
		}
		for _, k := range s.Classes {
			outside[m*f.classes+k] = 0
			covering[k]++
		}
	}
	slices.Sort(covering)
	for _, n := range covering[f.classes-f.bundle.Top:] {
		p.slots += n
	}
	if p.slots = min(p.slots, binned); p.slots == 0 {
		return false
	}
	held := b.bools(outside, int64(all), int64(f.classes))
	best := b.nodes(2, nil, "TopK", b.op("Mul", active, b.floats(has, int64(all))), b.ints(int64(p.slots)))
	used := b.add(best[0], 2)
	p.held = b.op("Mul", b.double(b.gather(held, best[1], 0)), used)
	p.mass = b.op("Mul", b.add(b.with([]*onnx.Attr{onnx.IntAttr("axis", 1)}, "GatherElements", masses, best[1]), 2), used)
	p.empty = b.op("Sub", b.float(1), used)
	return true
}

// specialist is the subgraph of specialist m: of rows in which it is active, what it
// says of each class, (N, C), and the mass of its dustbin, (N, 1); 0 of others.
func (f *fusion) specialist(opset int64, m int, s *Expert, active, nothing, noMass string) (*onnx.Graph, error) {
	model, err := load(f.bundle.Path(s.Member), s.outputs(f.classes), &f.input)
	if err != nil {
		return nil, err
	}
	if err := f.sameOpsets(model, f.bundle.Path(s.Member)); err != nil {
		return nil, err
	}
	b := newBlock(fmt.Sprintf("specialist-%03d/", m), opset)
	rows := b.op("Squeeze", b.op("NonZero", b.op("Greater", active, b.float(0))), b.ints(0))
	x := b.gather(f.input.Name, rows, 0)
	in := model.Graph.Inputs[0].Name
	rename(model.Graph, b.prefix+"net/", "")
	for _, n := range model.Graph.Nodes {
		for i, name := range n.Inputs {
			if name == b.prefix+"net/"+in {
				n.Inputs[i] = x
			}
		}
	}
	b.g.Initializers = append(b.g.Initializers, model.Graph.Initializers...)
	b.g.Nodes = append(b.g.Nodes, model.Graph.Nodes...)
	classes, dustbin := f.said(b, s, b.double(model.Graph.Outputs[0].Name))
	at := b.add(rows, 1)
	mass := b.op("Identity", noMass)
	if dustbin != "" {
		mass = b.op("ScatterND", noMass, at, dustbin)
	}
	return b.gives(b.op("ScatterND", nothing, at, classes), mass), nil
}

// said adds the probabilities of logits z: of all classes (n, C), 0 outside the set,
// and of the dustbin, (n, 1), empty where there is none.
func (f *fusion) said(b *block, s *Expert, z string) (classes, dustbin string) {
	set, bin := s.Classes, int64(len(s.Classes))
	scaled := func(p string) string {
		p = b.op("Max", p, b.float(least))
		return b.op("Div", p, b.sum(p, 1, 1))
	}
	if len(set) == f.classes {
		if s.Head == Dustbin {
			z = b.gather(z, b.integers(set), 1)
		}
		return scaled(b.with(lastAxis, "Softmax", z)), ""
	}
	p := b.with(lastAxis, "Softmax", z)
	if s.Head == Full {
		var rest []int
		for k := range f.classes {
			if _, in := slices.BinarySearch(set, k); !in {
				rest = append(rest, k)
			}
		}
		p = b.with(lastAxis, "Concat", b.gather(p, b.integers(set), 1), b.sum(b.gather(p, b.integers(rest), 1), 1, 1))
	}
	p = scaled(p)
	dustbin = b.gather(p, b.ints(bin), 1)
	from := make([]int, f.classes) // the column of each class
	for k := range from {
		from[k] = len(set) + 1
	}
	for i, k := range set {
		from[k] = i
	}
	padded := b.with(lastAxis, "Concat", p, b.op("Mul", dustbin, b.float(0)))
	return b.gather(padded, b.integers(from), 1), dustbin
}

// sameOpsets wants a specialist of the same operator sets as the whole.
func (f *fusion) sameOpsets(m *onnx.Model, path string) error {
	for _, o := range m.Opsets {
		if had := f.model.Opset(o.Domain); had != o.Version {
			return fault.New(fault.Input, path, strings.TrimSpace("opset "+o.Domain), "got %d, expected %d, as the generalist's", o.Version, had)
		}
	}
	f.model.IRVersion = max(f.model.IRVersion, m.IRVersion)
	return nil
}
