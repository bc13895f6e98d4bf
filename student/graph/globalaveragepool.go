package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// GlobalAveragePool is y[n,c] = the mean of the S values of x[n,c] (Lin et al.
// 2013, arXiv 1312.4400); dx = dy/S.
func init() {
	Register(Op{Type: "GlobalAveragePool", Layout: ChannelsLast, MinIn: 1, MaxIn: 1, Infer: inferGlobalPool, Build: buildGlobalAveragePool})
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

func buildGlobalAveragePool(b *Build) (Kernel, error) {
	x := b.In(0)
	return unary{kernel.NewGlobalAverage(x[0], product(x[2:]), x[1])}, nil
}
