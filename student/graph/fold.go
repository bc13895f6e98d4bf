package graph

import "fmt"

// maxFold bounds the values that folding makes in one import, so that a small
// file cannot ask for much memory: 64 MiB of float32.
const maxFold = 1 << 24

// maxInts bounds the integers of one folded tensor.
const maxInts = 1 << 20

// foldable lists the float ops that are computed at import when their inputs
// are constants, besides those that only move values.
var foldable = map[string]bool{
	"Add": true, "Sub": true, "Mul": true, "Div": true, "Pow": true, "Sqrt": true, "Neg": true, "Reciprocal": true,
	"Exp": true, "Log": true, "Abs": true, "Min": true, "Max": true,
}

func (im *importer) spend(n int) error {
	if n > maxInts {
		return fmt.Errorf("gives %d constants, expected at most %d", n, maxInts)
	}
	return im.spendTotal(n)
}

func (im *importer) spendTotal(n int) error {
	if im.spent += n; im.spent > maxFold {
		return fmt.Errorf("the constants computed at import are more than %d values", maxFold)
	}
	return nil
}

// constant tells whether v is known at import and no training changes it.
func (v *Value) constant() bool { return v.isInts || v.param != nil && v.param.Role == Frozen }

// fold computes a node whose inputs are constants, and Shape and Size of
// anything. It gives nil for a node that stays in the graph: one that has
// computed inputs or trained parameters.
func (im *importer) fold(n *Node) ([]*Value, error) {
	op := n.source.OpType
	if op == "Shape" || op == "Size" {
		return one(im.foldShape(n))
	}
	constants, ints := len(n.In) > 0, false
	for i, v := range n.In {
		if v == nil {
			continue
		}
		if !v.constant() {
			if n.Op == nil {
				return nil, fmt.Errorf("input %q is computed from the data: a student has %s on integer constants and shapes only", v.Name, op)
			}
			constants = false
		}
		ints = ints || v.isInts && (n.Op == nil || !contains(n.Op.NoGrad, i) && !contains(n.Op.Index, i))
	}
	switch {
	case !constants:
		return nil, nil
	case op == "Cast":
		return one(im.foldCast(n))
	case op == "ConstantOfShape":
		return one(im.foldFill(n))
	case op == "Range":
		return one(im.foldRange(n))
	case ints:
		if v, known, err := im.foldInts(n); known {
			return one(v, err)
		}
		if n.Op != nil && n.Op.Moves {
			return im.foldMoved(n)
		}
		return nil, fmt.Errorf("op %s on integers is not supported in a student", op)
	case n.Op == nil:
		return nil, fmt.Errorf("op %s on floats is not supported in a student", op)
	case n.Op.Moves || foldable[op]:
		return im.foldFloats(n)
	}
	return nil, nil
}

func one(v *Value, err error) ([]*Value, error) {
	if v == nil || err != nil {
		return nil, err
	}
	return []*Value{v}, nil
}

// outputs infers the outputs of a node of constants; batched says that one
// grows with the batch, as an Expand to it does.
func (im *importer) outputs(n *Node) (out []*Value, batched bool, err error) {
	if err := n.Op.arity(n); err != nil {
		return nil, false, err
	}
	shapes, err := n.Op.Infer(n)
	if err != nil {
		return nil, false, err
	}
	for k, s := range shapes {
		if err := checkShape(s); err != nil {
			return nil, false, fmt.Errorf("output %d: %w", k, err)
		}
		_, grows := s.PerRow()
		batched = batched || grows
		out = append(out, &Value{Shape: s, dtype: n.outType(), producer: -1})
	}
	return out, batched, nil
}

// compute runs the node's own kernel once.
func compute(n *Node, out []*Value, in [][]float32) ([][]float32, error) {
	n.Out = out
	b := &Build{Node: n, Batch: 1}
	k, err := n.Op.Build(b)
	if err != nil {
		return nil, err
	}
	y := make([][]float32, len(out))
	for i, v := range out {
		y[i] = make([]float32, v.Shape.Size(1))
	}
	r := Run{Work: make([]float32, b.work)}
	k.Forward(&r, in, y)
	return y, r.err
}

// foldFloats computes floats. What would take too much memory, or grow with
// the batch, stays a node.
func (im *importer) foldFloats(n *Node) ([]*Value, error) {
	out, batched, err := im.outputs(n)
	if err != nil || batched {
		return nil, err
	}
	size := 0
	for _, v := range out {
		size += v.Shape.Size(1)
	}
	if size > maxFold-im.spent {
		return nil, nil
	}
	im.spent += size
	in := make([][]float32, len(n.In))
	for i, v := range n.In {
		if v != nil && v.param != nil {
			in[i] = v.param.Data
		}
	}
	y, err := compute(n, out, in)
	if err != nil {
		return nil, err
	}
	for i, v := range out {
		v.param = im.param(v.Shape, y[i], Frozen)
	}
	return out, nil
}

// foldMoved computes an op that only moves values: its kernel moves their
// positions. One whose output grows with the batch stays a node.
func (im *importer) foldMoved(n *Node) ([]*Value, error) {
	out, batched, err := im.outputs(n)
	if err != nil {
		return nil, err
	}
	if batched {
		return nil, nil
	}
	size := 0
	for _, v := range out {
		size += v.Shape.Size(1)
	}
	var pool []integer
	in := make([][]float32, len(n.In))
	for i, v := range n.In {
		if v == nil || contains(n.Op.NoGrad, i) || contains(n.Op.Index, i) {
			continue
		}
		if !v.isInts {
			return nil, fmt.Errorf("input %q is a float, expected integers as the other inputs", v.Name)
		}
		for range v.ints {
			in[i] = append(in[i], float32(len(pool)+len(in[i])))
		}
		pool = append(pool, v.ints...)
	}
	if err := im.spend(max(size, len(pool))); err != nil {
		return nil, err
	}
	y, err := compute(n, out, in)
	if err != nil {
		return nil, err
	}
	for k, v := range out {
		v.isInts = true
		for _, at := range y[k] {
			v.ints = append(v.ints, pool[int(at)])
		}
	}
	return out, nil
}

// dataInputs makes float32 data of the integer constants that n moves.
func (im *importer) dataInputs(n *Node) error {
	for i, v := range n.In {
		if v == nil || !v.isInts || contains(n.Op.NoGrad, i) || contains(n.Op.Index, i) {
			continue
		}
		data := make([]float32, len(v.ints))
		if err := im.spendTotal(len(data)); err != nil {
			return err
		}
		for k, a := range v.ints {
			if a.n != 0 || a.c > maxExact || a.c < -maxExact {
				return fmt.Errorf("input %q holds %v, expected numbers up to %d", v.Name, a, maxExact)
			}
			data[k] = float32(a.c)
		}
		c := &Value{Name: v.Name, Shape: v.Shape, dtype: v.dtype, producer: -1, id: len(im.g.values)}
		c.param = im.param(v.Shape, data, Frozen)
		c.param.Name = v.Name
		im.g.values = append(im.g.values, c)
		n.In[i] = c
	}
	return nil
}

// maxExact is the largest integer up to which float32 holds every one.
const maxExact = 1 << 24

func (im *importer) param(dims []int, data []float32, role Role) *Param {
	p := &Param{Dims: dims, Data: data, Role: role, index: len(im.g.Params)}
	im.g.Params = append(im.g.Params, p)
	return p
}
