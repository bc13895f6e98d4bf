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

// broadcast cuts an array that operands broadcast to in rows, along which each
// operand either advances with the array (step 1) or repeats one value (step
// 0). Rows are as long as the operands allow, and are worked on in units, each
// a row or a part of a long one.
type broadcast struct {
	dims    []int   // axes outside the rows, the first turns fastest
	strides [][]int // by operand: along dims
	steps   []int   // by operand: along a row
	sizes   []int   // by operand: number of values
	inner   int     // length of a row
	rows    int
	cuts    int // units of a row
}

func newBroadcast(out []int, operands ...[]int) *broadcast {
	b := &broadcast{inner: 1, steps: make([]int, len(operands)), strides: make([][]int, len(operands))}
	for _, s := range operands {
		b.sizes = append(b.sizes, product(s))
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
		b.axis(d, stride)
	}
	b.rows = product(b.dims)
	b.cuts = max(1, b.inner/kernel.Grain)
	return b
}

// axis adds the next axis outwards, as part of the row or of the last axis
// where every operand goes on with the same stride.
func (b *broadcast) axis(d int, stride []int) {
	last := len(b.dims) - 1
	if last < 0 && b.inner == 1 {
		b.inner = d
		copy(b.steps, stride)
		return
	}
	merges := true
	for i, s := range stride {
		if last < 0 {
			merges = merges && s == b.steps[i]*b.inner
		} else {
			merges = merges && s == b.strides[i][last]*b.dims[last]
		}
	}
	switch {
	case merges && last < 0:
		b.inner *= d
	case merges:
		b.dims[last] *= d
	default:
		b.dims = append(b.dims, d)
		for i, s := range stride {
			b.strides[i] = append(b.strides[i], s)
		}
	}
}

func (b *broadcast) units() int { return b.rows * b.cuts }

// grain is the number of units that make up one piece of work.
func (b *broadcast) grain() int { return max(1, kernel.Grain*b.cuts/b.inner) }

// unit is where unit u begins and ends in the whole array, and which part of
// which row it is.
func (b *broadcast) unit(u int) (from, to, row, part int) {
	row, part = u/b.cuts, u%b.cuts
	start := row * b.inner
	return start + part*b.inner/b.cuts, start + (part+1)*b.inner/b.cuts, row, part
}

// at is where operand i of a unit begins.
func (b *broadcast) at(i, row, part int) int {
	at := b.steps[i] * (part * b.inner / b.cuts)
	for k, d := range b.dims {
		at += row % d * b.strides[i][k]
		row /= d
	}
	return at
}

// cut is what operand i, of values x, shows to a unit of n values: n values,
// or one where it repeats.
func (b *broadcast) cut(i int, x []float32, row, part, n int) []float32 {
	at := b.at(i, row, part)
	if b.steps[i] == 0 {
		n = 1
	}
	return x[at : at+n]
}

// apart is the number of stretches of the units, equally long, that write to
// values of operand i of their own.
func (b *broadcast) apart(i int) int {
	n := 1
	for k := len(b.dims) - 1; k >= 0 && b.strides[i][k] != 0; k-- {
		n *= b.dims[k]
	}
	return n
}
