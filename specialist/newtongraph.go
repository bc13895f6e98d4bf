package specialist

import (
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/specialist/fuse"
)

const (
	graphSteps = 60    // of Newton's method at most
	tiny       = 1e-15 // stands for what must not be 0
)

// pull is what there is to fuse in a batch of rows: values of a graph, in
// float64. Each row has the same number of slots for dustbins, L, some of which
// may be empty.
type pull struct {
	a     string // (N, 1, C): what is said of each class itself
	total string // (N, 1, 1): 1 and the number of active specialists
	held  string // (N, L, C): 1 where the dustbin in a slot holds a class; 0 in an empty slot
	mass  string // (N, L, 1): p_d of each slot, 0 in an empty one
	empty string // (N, L, 1): 1 of an empty slot
	slots int    // L
}

// solved adds to b what finds the distributions nearest to all, (N, 1, C): EM's
// first step from the uniform distribution, then Newton's method as package fuse
// has it, class by class, in a Loop until all rows are where fuse would stop. A row
// that is there stays as it is, whatever others still need. Steps of EM, fixed in
// number, would have to be as many as the hardest row needs that there could be.
func (b *block) solved(p pull) string {
	across := []*onnx.Attr{onnx.IntsAttr("perm", 0, 2, 1)}
	perClass := b.op("Div", p.mass, b.op("Max", b.sum(p.held, 1, 2), b.float(1)))
	q := b.op("Div", b.op("Add", p.a, b.op("MatMul", b.with(across, "Transpose", perClass), p.held)), p.total)
	pulls := b.op("Div", p.mass, b.op("Max", b.op("MatMul", p.held, b.with(across, "Transpose", q)), b.float(tiny)))
	most := b.most(b.op("MatMul", b.with(across, "Transpose", pulls), p.held), 2)
	scale := b.op("Min", b.op("Div", b.op("Mul", p.total, b.float(0.9)), most), b.float(1))
	r := b.op("Mul", pulls, scale)
	turned := b.with(across, "Transpose", p.held)
	yes := b.bools([]byte{1})
	body := onnx.GraphAttr("body", b.newton(p, turned))
	out := b.nodes(2, []*onnx.Attr{body}, "Loop", b.constant(onnx.Int64Tensor(b.name("steps"), nil, []int64{graphSteps})), yes, r, q)
	return out[1]
}

// newton is the body of the Loop: one step of fuse's Newton's method, whose
// names are those of package fuse. turned is p.held with its last axes swapped.
func (b *block) newton(p pull, turned string) *onnx.Graph {
	n := newBlock(b.prefix+"step/", b.opset)
	value := func(name string, d onnx.DType, scalar bool) string {
		name = n.prefix + name
		n.g.Inputs = append(n.g.Inputs, &onnx.Value{Name: name, Kind: onnx.KindTensor, DType: d, HasShape: scalar})
		return name
	}
	value("number", onnx.Int64, true)
	value("on", onnx.Bool, true)
	r, q := value("r", onnx.Float64, false), value("q", onnx.Float64, false)
	across := []*onnx.Attr{onnx.IntsAttr("perm", 0, 2, 1)}
	turn := func(x string) string { return n.with(across, "Transpose", x) }
	sums := func(x string) string { return n.op("MatMul", p.held, turn(x)) }     // over the classes of each dustbin
	spread := func(x string) string { return n.op("MatMul", turn(x), p.held) }   // of each dustbin's to its classes
	fall := func(dx, x string) string { return n.op("Neg", n.op("Div", dx, x)) } // by what part of x a step lowers it

	held := sums(q) // Q
	said := n.op("Div", p.a, q)
	off := n.op("Abs", n.op("Sub", n.op("Add", said, spread(n.op("Div", p.mass, n.op("Max", held, n.float(tiny))))), p.total))
	bound := n.op("Min", n.float(fuse.Tolerance), n.op("Add", n.op("Mul", said, n.float(fuse.Closeness)), n.float(fuse.Rounding)))
	going := n.op("Greater", n.most(n.op("Div", off, bound), 2), n.float(1)) // (N, 1, 1)

	w := n.op("Max", n.op("Sub", p.total, spread(r)), n.float(tiny))
	full := n.op("Add", r, p.empty) // 1 in an empty slot
	aim := n.op("Div", p.a, w)
	k := n.op("MatMul", n.op("Mul", p.held, n.op("Div", q, w)), turned)
	k = n.op("Add", k, n.op("Mul", n.floats(unit(p.slots), int64(p.slots), int64(p.slots)), n.op("Add", n.op("Div", held, full), p.empty)))
	dr := n.eliminate(k, n.op("Sub", n.op("Div", p.mass, full), sums(aim)), p.slots)
	dw := n.op("Neg", spread(dr))
	dq := n.op("Sub", n.op("Sub", aim, n.op("Div", n.op("Mul", q, dw), w)), q)
	border := n.op("Max", n.float(0.99), n.most(fall(dr, full), 1), n.most(fall(dw, w), 2), n.most(fall(dq, q), 2))
	length := n.op("Div", n.float(0.99), border)
	rOut := n.op("Add", r, n.op("Mul", length, dr))
	moved := n.op("Add", q, n.op("Mul", length, dq))
	qOut := n.op("Where", going, n.op("Div", moved, n.sum(moved, 1, 2)), q)
	on := n.positive(n.double(going), 0, 1, 2)
	n.g.Outputs = []*onnx.Value{{Name: on, Kind: onnx.KindTensor, DType: onnx.Bool}}
	return n.gives(rOut, qOut)
}

// eliminate is the solution (N, L, 1) of k x = y by Gauss and Jordan without a
// choice of pivots, which k, symmetric and positive definite, does without.
func (b *block) eliminate(k, y string, size int) string {
	rows := b.with([]*onnx.Attr{onnx.IntAttr("axis", 2)}, "Concat", k, y)
	for j := range size {
		at := b.ints(int64(j))
		row := b.gather(rows, at, 1)
		row = b.op("Div", row, b.gather(row, at, 2))
		column := b.op("Sub", b.gather(rows, at, 2), b.floats(unit(size)[j*size:(j+1)*size], int64(size), 1))
		rows = b.op("Sub", rows, b.op("Mul", column, row))
	}
	return b.gather(rows, b.ints(int64(size)), 2)
}

// unit is the identity matrix of that size.
func unit(size int) []float64 {
	m := make([]float64, size*size)
	for i := range size {
		m[i*size+i] = 1
	}
	return m
}
