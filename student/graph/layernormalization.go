package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// LayerNormalization is y = scale·(x−mean)/√(var+ε) + bias, mean and var those
// of the axes from axis on (Ba et al. 2016, arXiv 1607.06450);
// kernel.LayerNorm has the gradients.
func init() {
	Register(Op{Type: "LayerNormalization", MinIn: 2, MaxIn: 3, Weights: []int{1, 2}, Infer: func(n *Node) ([]Shape, error) {
		return inferRowNorm(n, 17)
	}, Build: buildRowNorm})
}

// since refuses an op in a model of an opset older than the op.
func since(n *Node, opset int64) error {
	if n.Opset < opset {
		return fmt.Errorf("the model is opset %d, %s is of opset %d", n.Opset, n.Op.Type, opset)
	}
	return nil
}

// inferRowNorm gives the shape of x; scale and bias have its axes from axis on.
func inferRowNorm(n *Node, opset int64) ([]Shape, error) {
	if err := since(n, opset); err != nil {
		return nil, err
	}
	x := n.In[0].Shape
	a, err := axis(n.Int("axis", -1), len(x), false)
	if err != nil {
		return nil, err
	}
	row := x[a:]
	if _, batched := row.PerRow(); batched {
		return nil, fmt.Errorf("axis %d of %v mixes the rows of the batch", a, x)
	}
	for i := 1; i < len(n.In); i++ {
		if !n.Has(i) {
			continue
		}
		s := n.In[i].Shape
		size, batched := s.PerRow()
		full, err := broadcastShapes(s, row)
		if err != nil || batched || size != row.Size(1) || size != full.Size(1) {
			return nil, fmt.Errorf("input %d is %v, expected %v, the axes of %v from %d on", i, s, row, x, a)
		}
	}
	return sameShape(n)
}

// rowNorm is LayerNormalization and RMSNormalization.
type rowNorm struct{ *kernel.LayerNorm }

func buildRowNorm(b *Build) (Kernel, error) {
	x := b.In(0)
	a, err := axis(b.Node.Int("axis", -1), len(x), false)
	if err != nil {
		return nil, err
	}
	k := rowNorm{kernel.NewLayerNorm(product(x[:a]), product(x[a:]), b.Node.Float("epsilon", 1e-5), b.Node.Op.Type == "RMSNormalization")}
	if b.Training {
		b.NeedWork(k.Work())
	}
	return k, nil
}

func (k rowNorm) Forward(_ *Run, in, out [][]float32) {
	k.LayerNorm.Forward(out[0], in[0], in[1], optional(in, 2))
}

func (k rowNorm) Backward(r *Run, in, _, dout, din [][]float32) {
	k.LayerNorm.Backward(din[0], din[1], optional(din, 2), dout[0], in[0], in[1], r.Work)
}
