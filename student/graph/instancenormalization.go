package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// InstanceNormalization is y = scale·(x−mean)/√(var+ε) + bias, mean and var
// those of each channel of each row (Ulyanov et al. 2016, arXiv 1607.08022);
// kernel.GroupNorm has the gradients.
func init() {
	Register(Op{Type: "InstanceNormalization", MinIn: 3, MaxIn: 3, Weights: []int{1, 2}, Infer: inferInstanceNorm, Build: buildInstanceNorm})
}

// inferInstanceNorm gives the shape of x (N, C, D1, ...); scale and bias are (C).
func inferInstanceNorm(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	if len(x) < 3 || x[0] >= 0 || x[1] < 0 {
		return nil, fmt.Errorf("input is %v, expected (N, C, D1, ...)", x)
	}
	for i, name := range []string{"scale", "bias"} {
		if err := vector(n, 1+i, name, x[1]); err != nil {
			return nil, err
		}
	}
	return sameShape(n)
}

// groupNorm is InstanceNormalization and GroupNormalization.
type groupNorm struct{ *kernel.GroupNorm }

func buildInstanceNorm(b *Build) (Kernel, error) {
	x := b.In(0)
	return groupNorm{kernel.NewGroupNorm(x[0], x[1], 1, product(x[2:]), b.Node.Float("epsilon", 1e-5), b.Training)}, nil
}

func (k groupNorm) Forward(_ *Run, in, out [][]float32) {
	k.GroupNorm.Forward(out[0], in[0], in[1], in[2])
}

func (k groupNorm) Backward(_ *Run, in, _, dout, din [][]float32) {
	k.GroupNorm.Backward(din[0], din[1], din[2], dout[0], in[0], in[1])
}
