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

func inferBinary(n *Node) ([]Shape, error) {
	out, err := broadcastShapes(n.In[0].Shape, n.In[1].Shape)
	return []Shape{out}, err
}

// binaryOp is what an op of two values with broadcasting defines on rows of
// equal stretch; a row of stride 0 repeats its one value.
type binaryOp struct {
	forward func(y, a, b []float32, sa, sb int)
	da, db  func(g, dy, a, b []float32, sa, sb int) // g is the gradient before un-broadcasting
}

func registerBinary(name string, op binaryOp) {
	Register(Op{Type: name, Layout: AnyOrder, MinIn: 2, MaxIn: 2, Infer: inferBinary, Build: func(b *Build) (Kernel, error) {
		return newBinary(op, b), nil
	}})
}

// broadcaster walks the output in rows along which each operand has one stride.
type broadcaster struct {
	binaryOp
	dims        []int // outer axes
	sa, sb      []int // strides of the operands along them
	rows, inner int
	ia, ib      int // strides along a row: 0 or 1
	sumA, sumB  *unbroadcast
	row         []float32

	a, b, y, dy []float32
	dst         []float32
	grad        func(g, dy, a, b []float32, sa, sb int)
	fwd, bwd    func(lo, hi int)
}

// unbroadcast sums gradients over the axes along which an operand was
// repeated, in float64, in the order of the output.
type unbroadcast struct{ acc []float64 }

func newBinary(op binaryOp, b *Build) *broadcaster {
	k := &broadcaster{binaryOp: op, inner: 1}
	a, c, y := b.In(0), b.In(1), b.Out(0)
	na, nb := 1, 1 // strides so far, from the last axis
	for i := range y {
		d, da, db := fromEnd(y, i), fromEnd(a, i), fromEnd(c, i)
		if d == 1 {
			continue
		}
		sa, sb := 0, 0
		if da > 1 {
			sa = na
		}
		if db > 1 {
			sb = nb
		}
		na, nb = na*da, nb*db
		k.axis(d, sa, sb)
	}
	k.rows = product(k.dims)
	if na < product(y) {
		k.sumA = &unbroadcast{make([]float64, product(a))}
	}
	if nb < product(y) {
		k.sumB = &unbroadcast{make([]float64, product(c))}
	}
	if k.sumA != nil || k.sumB != nil {
		k.row = make([]float32, k.inner)
	}
	k.fwd, k.bwd = k.forwardRows, k.backwardRows
	return k
}

// axis adds the next outer axis, merging it with the row or the axis before
// where both operands continue with the same stride.
func (k *broadcaster) axis(d, sa, sb int) {
	if len(k.dims) == 0 {
		if k.inner == 1 {
			k.inner, k.ia, k.ib = d, sa, sb
			return
		}
		if sa == k.ia*k.inner && sb == k.ib*k.inner {
			k.inner *= d
			return
		}
	} else if i := len(k.dims) - 1; sa == k.sa[i]*k.dims[i] && sb == k.sb[i]*k.dims[i] {
		k.dims[i] *= d
		return
	}
	k.dims, k.sa, k.sb = append(k.dims, d), append(k.sa, sa), append(k.sb, sb)
}

// offsets is where row r reads its operands. The first of dims turns fastest.
func (k *broadcaster) offsets(r int) (a, b int) {
	for i, d := range k.dims {
		q := r % d
		a += q * k.sa[i]
		b += q * k.sb[i]
		r /= d
	}
	return a, b
}

func (k *broadcaster) grain() int { return max(1, pointwiseGrain/k.inner) }

func (k *broadcaster) Forward(_ *Run, in, out [][]float32) {
	k.a, k.b, k.y = in[0], in[1], out[0]
	if k.rows == 1 && k.ia == 1 && k.ib == 1 {
		kernel.Parallel(k.inner, pointwiseGrain, k.fwd)
		return
	}
	kernel.Parallel(k.rows, k.grain(), k.fwd)
}

func (k *broadcaster) forwardRows(lo, hi int) {
	if k.rows == 1 && k.ia == 1 && k.ib == 1 {
		k.forward(k.y[lo:hi], k.a[lo:hi], k.b[lo:hi], 1, 1)
		return
	}
	for r := lo; r < hi; r++ {
		a, b := k.offsets(r)
		k.forward(k.y[r*k.inner:(r+1)*k.inner], k.a[a:], k.b[b:], k.ia, k.ib)
	}
}

func (k *broadcaster) Backward(_ *Run, in, _, dout, din [][]float32) {
	k.a, k.b, k.dy = in[0], in[1], dout[0]
	k.backward(din[0], k.da, k.sumA, k.sa, k.ia)
	k.backward(din[1], k.db, k.sumB, k.sb, k.ib)
}

func (k *broadcaster) backward(dst []float32, grad func(g, dy, a, b []float32, sa, sb int), sum *unbroadcast, strides []int, inner int) {
	if dst == nil {
		return
	}
	k.dst, k.grad = dst, grad
	if sum == nil {
		// No repeats: the operand has the output's order.
		kernel.Parallel(k.rows, k.grain(), k.bwd)
		return
	}
	clear(sum.acc)
	for r := range k.rows {
		a, b := k.offsets(r)
		grad(k.row, k.dy[r*k.inner:(r+1)*k.inner], k.a[a:], k.b[b:], k.ia, k.ib)
		at, q := 0, r
		for i, d := range k.dims {
			at += q % d * strides[i]
			q /= d
		}
		if inner == 1 {
			acc := sum.acc[at : at+k.inner]
			for j, v := range k.row {
				acc[j] += float64(v)
			}
			continue
		}
		for _, v := range k.row {
			sum.acc[at] += float64(v)
		}
	}
	for i, v := range sum.acc {
		dst[i] = float32(v)
	}
}

func (k *broadcaster) backwardRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		a, b := k.offsets(r)
		s, e := r*k.inner, (r+1)*k.inner
		k.grad(k.dst[s:e], k.dy[s:e], k.a[a:], k.b[b:], k.ia, k.ib)
	}
}

// passGrad is g = dy.
func passGrad(g, dy, _, _ []float32, _, _ int) { copy(g, dy) }
