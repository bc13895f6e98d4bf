package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// GroupNormalization is y = scale·(x−mean)/√(var+ε) + bias, mean and var those
// of num_groups groups of channels of each row (Wu and He 2018, arXiv
// 1803.08494); kernel.GroupNorm has the gradients.
func init() {
	Register(Op{Type: "GroupNormalization", MinIn: 3, MaxIn: 3, Weights: []int{1, 2}, Infer: inferGroupNorm, Build: buildGroupNorm})
}

// inferGroupNorm gives the shape of x (N, C, D1, ...); scale and bias are
// (num_groups) before opset 21 and (C) since.
func inferGroupNorm(n *Node) ([]Shape, error) {
	if err := since(n, 18); err != nil {
		return nil, err
	}
	x, g := n.In[0].Shape, n.Int("num_groups", 0)
	if len(x) < 2 || x[0] >= 0 || x[1] < 0 {
		return nil, fmt.Errorf("input is %v, expected (N, C, D1, ...)", x)
	}
	if g < 1 || x[1]%g != 0 {
		return nil, fmt.Errorf("num_groups is %d, expected a divisor of the %d channels", g, x[1])
	}
	size := x[1]
	if n.Opset < 21 {
		size = g
	}
	for i, name := range []string{"scale", "bias"} {
		if err := vector(n, 1+i, name, size); err != nil {
			return nil, err
		}
	}
	return sameShape(n)
}

func buildGroupNorm(b *Build) (Kernel, error) {
	x, g := b.In(0), b.Node.Int("num_groups", 0)
	k := b.In(1)[0] / g // scales in a group
	return groupNorm{kernel.NewGroupNorm(x[0], g, k, product(x[1:])/(g*k), b.Node.Float("epsilon", 1e-5), b.Training)}, nil
}
