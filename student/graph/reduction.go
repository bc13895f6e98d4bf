package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// reduction sums what has the broadcast's shape to the shape of one operand, over
// the axes along which that is repeated. Sums are in float64; their order
// depends on the sizes alone.
type reduction struct {
	*broadcast
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

func newReduction(b *broadcast, op int, fill func(g []float32, from, to, row, part int) []float32) *reduction {
	r := &reduction{broadcast: b, op: op, fill: fill, parts: 1}
	r.direct, r.some = r.copyUnits, r.sumParts
	total, size := b.rows*b.inner, b.sizes[op]
	if size == total {
		return r
	}
	r.stretches = b.apart(op)
	shared := r.stretches > 1
	if shared {
		r.parts = min(r.stretches, max(1, total/kernel.Grain), 4*maxParts)
	} else {
		r.stretches = b.units()
		r.parts = min(r.stretches, max(1, total/max(4*size, kernel.Grain)), maxParts)
	}
	longest := (b.inner + b.cuts - 1) / b.cuts
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
