package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Transpose is y = x with axis perm[i] as axis i; dx = dy by the inverse.
func init() {
	Register(Op{Type: "Transpose", MinIn: 1, MaxIn: 1, Moves: true, Passes: true, Infer: inferTranspose, Build: buildTranspose})
}

// perm is the attribute of that name; left out, it reverses the axes.
func perm(n *Node) ([]int, error) {
	rank := len(n.In[0].Shape)
	reverse := make([]int, rank)
	for i := range reverse {
		reverse[i] = rank - 1 - i
	}
	p := n.Ints("perm", reverse)
	seen := make([]bool, rank)
	for _, a := range p {
		if len(p) != rank || a < 0 || a >= rank || seen[a] {
			return nil, fmt.Errorf("perm is %v, expected each of the %d axes once", p, rank)
		}
		seen[a] = true
	}
	if len(p) != rank {
		return nil, fmt.Errorf("perm is %v, expected %d axes", p, rank)
	}
	return p, nil
}

// inferTranspose gives axis i of the output the size of axis perm[i].
func inferTranspose(n *Node) ([]Shape, error) {
	p, err := perm(n)
	if err != nil {
		return nil, err
	}
	out := make(Shape, len(p))
	for i, a := range p {
		out[i] = n.In[0].Shape[a]
	}
	return []Shape{out}, nil
}

// transpose reads the input with one stride for each axis of the output.
type transpose struct {
	dims, strides []int // by axis of the output, merged where adjacent
	inner, step   int   // last axis: size and stride
	rows          int
	src, dst      []float32
	fwd, bwd      func(lo, hi int)
}

func buildTranspose(b *Build) (Kernel, error) {
	p, err := perm(b.Node)
	if err != nil {
		return nil, err
	}
	t := newTranspose(b.In(0), p)
	if n, rows, cols, ok := t.matrices(); ok {
		return unary{kernel.NewTranspose(n, rows, cols)}, nil
	}
	return t, nil
}

// newTranspose moves axis p[i] of an array of dims in to axis i.
func newTranspose(in, p []int) *transpose {
	strides := make([]int, len(in))
	for i, s := len(in)-1, 1; i >= 0; i-- {
		strides[i] = s
		s *= in[i]
	}
	t := &transpose{inner: 1, step: 1, rows: 1}
	for _, a := range p {
		k := len(t.dims) - 1
		if k >= 0 && t.strides[k] == strides[a]*in[a] {
			t.dims[k], t.strides[k] = t.dims[k]*in[a], strides[a]
			continue
		}
		t.dims, t.strides = append(t.dims, in[a]), append(t.strides, strides[a])
	}
	if k := len(t.dims) - 1; k >= 0 {
		t.inner, t.step = t.dims[k], t.strides[k]
		t.dims, t.strides = t.dims[:k], t.strides[:k]
	}
	t.rows = product(t.dims)
	t.fwd, t.bwd = t.forwardRows, t.backwardRows
	return t
}

// matrices tells whether t is n > 1 matrices (rows, cols) in a row whose axes
// change places. A single one is cut into rows, for all cores.
func (t *transpose) matrices() (n, rows, cols int, ok bool) {
	if len(t.dims) != 2 || t.dims[0] == 1 || t.strides[1] != 1 || t.step != t.dims[1] || t.strides[0] != t.dims[1]*t.inner {
		return 0, 0, 0, false
	}
	return t.dims[0], t.inner, t.dims[1], true
}

func (t *transpose) Forward(_ *Run, in, out [][]float32) {
	t.src, t.dst = in[0], out[0]
	kernel.Parallel(t.rows, max(1, kernel.Grain/t.inner), t.fwd)
}

// Backward is the inverse permutation: each input value has one output.
func (t *transpose) Backward(_ *Run, _, _, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	t.src, t.dst = dout[0], din[0]
	kernel.Parallel(t.rows, max(1, kernel.Grain/t.inner), t.bwd)
}

// offset is where row r of the output starts in the input.
func (t *transpose) offset(r int) int {
	at := 0
	for i := len(t.dims) - 1; i >= 0; i-- {
		at += r % t.dims[i] * t.strides[i]
		r /= t.dims[i]
	}
	return at
}

func (t *transpose) forwardRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		at := t.offset(r)
		for i := range t.inner {
			t.dst[r*t.inner+i] = t.src[at+i*t.step]
		}
	}
}

func (t *transpose) backwardRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		at := t.offset(r)
		for i := range t.inner {
			t.dst[at+i*t.step] = t.src[r*t.inner+i]
		}
	}
}
