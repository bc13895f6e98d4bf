package optim

import "github.com/kdonnx/kdonnx/student/kernel"

// Accumulator sums the gradients of the micro-batches of a step, on all cores.
type Accumulator struct {
	params []Param     // their Grad is the sum
	parts  [][]float32 // by parameter: the gradient of one micro-batch
	first  bool
	*pieces
}

// NewAccumulator sums parts into the gradients of params.
func NewAccumulator(params []Param, parts [][]float32) *Accumulator {
	a := &Accumulator{params: params, parts: parts}
	a.pieces = newPieces(sizesOf(params), a.add)
	return a
}

// Add takes a micro-batch in; the first of a step begins the sum anew.
func (a *Accumulator) Add(first bool) {
	a.first = first
	a.each()
}

func (a *Accumulator) add(i int) {
	s := a.spans[i]
	sum, part := a.params[s.param].Grad[s.lo:s.hi], a.parts[s.param][s.lo:s.hi]
	if a.first {
		copy(sum, part)
		return
	}
	kernel.Add(sum, sum, part)
}
