package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

func init() {
	Register(Op{Type: "GlobalAveragePool", MinIn: 1, MaxIn: 1, Infer: inferGlobalPool, Build: buildGlobalAveragePool})
}

// inferGlobalPool gives (N, C, 1, ...) of x (N, C, D1, ...).
func inferGlobalPool(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	if len(x) < 3 || x[0] >= 0 {
		return nil, fmt.Errorf("input is %v, expected (N, C, D1, ...)", x)
	}
	out := Shape{x[0], x[1]}
	for range x[2:] {
		out = append(out, 1)
	}
	return []Shape{out}, nil
}

// globalAveragePool is y[n,c] = mean of the plane x[n,c].
type globalAveragePool struct {
	area     int
	x, y     []float32
	dx, dy   []float32
	fwd, bwd func(lo, hi int)
}

func buildGlobalAveragePool(b *Build) (Kernel, error) {
	p := &globalAveragePool{area: product(b.In(0)[2:])}
	p.fwd = func(lo, hi int) {
		for c := lo; c < hi; c++ {
			sum := 0.0
			for _, v := range p.x[c*p.area : (c+1)*p.area] {
				sum += float64(v)
			}
			p.y[c] = float32(sum / float64(p.area))
		}
	}
	p.bwd = func(lo, hi int) {
		for c := lo; c < hi; c++ {
			g := p.dy[c] / float32(p.area)
			plane := p.dx[c*p.area : (c+1)*p.area]
			for i := range plane {
				plane[i] = g
			}
		}
	}
	return p, nil
}

func (p *globalAveragePool) Forward(_ *Run, in, out [][]float32) {
	p.x, p.y = in[0], out[0]
	kernel.Parallel(len(p.y), max(1, pointwiseGrain/p.area), p.fwd)
}

// Backward is dx = dy/area.
func (p *globalAveragePool) Backward(_ *Run, _, _, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	p.dx, p.dy = din[0], dout[0]
	kernel.Parallel(len(p.dy), max(1, pointwiseGrain/p.area), p.bwd)
}
