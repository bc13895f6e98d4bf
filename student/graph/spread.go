package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// broadcastShapes is the shape that a and b broadcast to, axes aligned at the
// end.
func broadcastShapes(a, b Shape) (Shape, error) {
	out := make(Shape, max(len(a), len(b)))
	for i := range out {
		x, y := fromEnd(a, len(out)-1-i), fromEnd(b, len(out)-1-i)
		switch {
		case x == y, y == 1:
			out[i] = x
		case x == 1:
			out[i] = y
		default:
			return nil, fmt.Errorf("%v and %v do not broadcast", a, b)
		}
	}
	return out, nil
}

func fromEnd(s []int, k int) int {
	if k >= len(s) {
		return 1
	}
	return s[len(s)-1-k]
}

// layout cuts an array that operands broadcast to in rows, along which each
// operand either advances with the array (step 1) or repeats one value (step
// 0). Rows are as long as the operands allow, and are worked on in units, each
// a row or a part of a long one.
type layout struct {
	dims    []int   // axes outside the rows, the first turns fastest
	strides [][]int // by operand: along dims
	steps   []int   // by operand: along a row
	sizes   []int   // by operand: number of values
	inner   int     // length of a row
	rows    int
	cuts    int // units of a row
}

func newLayout(out []int, operands ...[]int) *layout {
	l := &layout{inner: 1, steps: make([]int, len(operands)), strides: make([][]int, len(operands))}
	for _, s := range operands {
		l.sizes = append(l.sizes, product(s))
	}
	ahead := make([]int, len(operands)) // size of the axes behind, by operand
	for i := range ahead {
		ahead[i] = 1
	}
	stride := make([]int, len(operands))
	for k := range out {
		d := fromEnd(out, k)
		if d == 1 {
			continue
		}
		for i, s := range operands {
			stride[i] = 0
			if e := fromEnd(s, k); e > 1 {
				stride[i] = ahead[i]
				ahead[i] *= e
			}
		}
		l.axis(d, stride)
	}
	l.rows = product(l.dims)
	l.cuts = max(1, l.inner/pointwiseGrain)
	return l
}

// axis adds the next axis outwards, as part of the row or of the last axis
// where every operand goes on with the same stride.
func (l *layout) axis(d int, stride []int) {
	last := len(l.dims) - 1
	if last < 0 && l.inner == 1 {
		l.inner = d
		copy(l.steps, stride)
		return
	}
	merges := true
	for i, s := range stride {
		if last < 0 {
			merges = merges && s == l.steps[i]*l.inner
		} else {
			merges = merges && s == l.strides[i][last]*l.dims[last]
		}
	}
	switch {
	case merges && last < 0:
		l.inner *= d
	case merges:
		l.dims[last] *= d
	default:
		l.dims = append(l.dims, d)
		for i, s := range stride {
			l.strides[i] = append(l.strides[i], s)
		}
	}
}

func (l *layout) units() int { return l.rows * l.cuts }

// grain is the number of units that make up one piece of work.
func (l *layout) grain() int { return max(1, pointwiseGrain*l.cuts/l.inner) }

// unit is where unit u begins and ends in the whole array, and which part of
// which row it is.
func (l *layout) unit(u int) (from, to, row, part int) {
	row, part = u/l.cuts, u%l.cuts
	start := row * l.inner
	return start + part*l.inner/l.cuts, start + (part+1)*l.inner/l.cuts, row, part
}

// at is where operand i of a unit begins.
func (l *layout) at(i, row, part int) int {
	at := l.steps[i] * (part * l.inner / l.cuts)
	for k, d := range l.dims {
		at += row % d * l.strides[i][k]
		row /= d
	}
	return at
}

// cut is what operand i, of values x, shows to a unit of n values: n values,
// or one where it repeats.
func (l *layout) cut(i int, x []float32, row, part, n int) []float32 {
	at := l.at(i, row, part)
	if l.steps[i] == 0 {
		n = 1
	}
	return x[at : at+n]
}

// apart is the number of stretches of the units, equally long, that write to
// values of operand i of their own.
func (l *layout) apart(i int) int {
	n := 1
	for k := len(l.dims) - 1; k >= 0 && l.strides[i][k] != 0; k-- {
		n *= l.dims[k]
	}
	return n
}

// reduction sums what has the layout's shape to the shape of one operand, over
// the axes along which that is repeated. Sums are in float64; their order
// depends on the sizes alone.
type reduction struct {
	*layout
	op int
	// fill gives the values to sum of one unit, in g or elsewhere.
	fill   func(g []float32, from, to, row, part int) []float32
	finish func(sum float64) float64 // nil: the sum itself

	parts        int
	stretches    int         // that parts are made of
	acc          [][]float64 // by part; one for all where they write apart
	scratch      [][]float32 // by part
	dst          []float32
	direct, some func(lo, hi int)
}

// maxParts bounds the partial sums of one reduction.
const maxParts = 16

func newReduction(l *layout, op int, fill func(g []float32, from, to, row, part int) []float32) *reduction {
	r := &reduction{layout: l, op: op, fill: fill, parts: 1}
	r.direct, r.some = r.copyUnits, r.sumParts
	total, size := l.rows*l.inner, l.sizes[op]
	if size == total {
		return r
	}
	r.stretches = l.apart(op)
	shared := r.stretches > 1
	if shared {
		r.parts = min(r.stretches, max(1, total/pointwiseGrain), 4*maxParts)
	} else {
		r.stretches = l.units()
		r.parts = min(r.stretches, max(1, total/max(4*size, pointwiseGrain)), maxParts)
	}
	longest := (l.inner + l.cuts - 1) / l.cuts
	for range r.parts {
		if len(r.acc) == 0 || !shared {
			r.acc = append(r.acc, make([]float64, size))
		}
		r.scratch = append(r.scratch, make([]float32, longest))
	}
	return r
}

// together makes the order of a sum the same when it is the only one as when
// there are others.
func (r *reduction) together() {
	if len(r.acc) > 1 {
		r.parts, r.acc, r.scratch = 1, r.acc[:1], r.scratch[:1]
	}
}

// run overwrites dst with the sums.
func (r *reduction) run(dst []float32) {
	r.dst = dst
	if len(r.acc) == 0 {
		kernel.Parallel(r.units(), r.grain(), r.direct)
		return
	}
	for _, acc := range r.acc {
		clear(acc)
	}
	kernel.Parallel(r.parts, 1, r.some)
	sums := r.acc[0]
	for _, more := range r.acc[1:] {
		for i, v := range more {
			sums[i] += v
		}
	}
	for i, v := range sums {
		if r.finish != nil {
			v = r.finish(v)
		}
		dst[i] = float32(v)
	}
}

// copyUnits is the sum over no axis.
func (r *reduction) copyUnits(lo, hi int) {
	for u := lo; u < hi; u++ {
		from, to, row, part := r.unit(u)
		dst := r.dst[from:to]
		if g := r.fill(dst, from, to, row, part); &g[0] != &dst[0] {
			copy(dst, g)
		}
		if r.finish != nil {
			for i, v := range dst {
				dst[i] = float32(r.finish(float64(v)))
			}
		}
	}
}

func (r *reduction) sumParts(lo, hi int) {
	each := r.units() / r.stretches
	for p := lo; p < hi; p++ {
		acc, scratch := r.acc[min(p, len(r.acc)-1)], r.scratch[p]
		for u := p * r.stretches / r.parts * each; u < (p+1)*r.stretches/r.parts*each; u++ {
			from, to, row, part := r.unit(u)
			g, at := r.fill(scratch[:to-from], from, to, row, part), r.at(r.op, row, part)
			if r.steps[r.op] == 1 {
				kernel.Accumulate(acc[at:at+len(g)], g)
			} else {
				acc[at] += kernel.Sum(g)
			}
		}
	}
}
