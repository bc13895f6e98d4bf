package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// LpNormalization is y = x/‖x‖ₚ along axis, p being 1 or 2, and 0 where the
// norm is 0; kernel.LpNormalizeBackward has the gradient.
func init() {
	Register(Op{Type: "LpNormalization", MinIn: 1, MaxIn: 1, Infer: inferLpNorm, Build: buildLpNorm})
}

func inferLpNorm(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	a, err := axis(n.Int("axis", -1), len(x), false)
	if err != nil {
		return nil, err
	}
	if x[a] < 0 {
		return nil, fmt.Errorf("axis %d of %v mixes the rows of the batch", a, x)
	}
	if p := n.Int("p", 2); p != 1 && p != 2 {
		return nil, fmt.Errorf("p is %d, expected 1 or 2", p)
	}
	return sameShape(n)
}

// lpNorm divides each line of n values, stride apart, by its norm.
type lpNorm struct {
	p, count, n, stride int
	norms               []float64 // (count) of the last forward
	x, y, dx, dy        []float32
	fwd, bwd            func(lo, hi int)
}

func buildLpNorm(b *Build) (Kernel, error) {
	x := b.In(0)
	a, err := axis(b.Node.Int("axis", -1), len(x), false)
	if err != nil {
		return nil, err
	}
	k := &lpNorm{p: b.Node.Int("p", 2), n: x[a], stride: product(x[a+1:]), count: product(x) / x[a]}
	k.norms = make([]float64, k.count)
	k.fwd = func(lo, hi int) {
		for i := lo; i < hi; i++ {
			k.norms[i] = kernel.LpNormalize(k.y, k.x, k.start(i), k.n, k.stride, k.p)
		}
	}
	k.bwd = func(lo, hi int) {
		for i := lo; i < hi; i++ {
			kernel.LpNormalizeBackward(k.dx, k.dy, k.y, k.start(i), k.n, k.stride, k.p, k.norms[i])
		}
	}
	return k, nil
}

// start is where line i begins.
func (k *lpNorm) start(i int) int { return i/k.stride*k.n*k.stride + i%k.stride }

func (k *lpNorm) Forward(_ *Run, in, out [][]float32) {
	k.x, k.y = in[0], out[0]
	kernel.Parallel(k.count, max(1, kernel.Grain/k.n), k.fwd)
}

func (k *lpNorm) Backward(_ *Run, _, out, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	k.y, k.dy, k.dx = out[0], dout[0], din[0]
	kernel.Parallel(k.count, max(1, kernel.Grain/k.n), k.bwd)
}
