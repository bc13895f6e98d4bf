package graph

import (
	"math"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Clip is y = min(max(x, min), max); dx = dy where min < x < max, else 0.
func init() {
	Register(Op{Type: "Clip", Layout: AnyOrder, GradInPlace: true, MinIn: 1, MaxIn: 3, NoGrad: []int{1, 2}, Infer: inferClip, Build: func(b *Build) (Kernel, error) {
		lo, hi, err := clipBounds(b.Node)
		if err != nil {
			return nil, err
		}
		return ofInput(
			func(y, x []float32) { kernel.Clip(y, x, lo, hi) },
			func(dx, dy, x []float32) { kernel.ClipBackward(dx, dy, x, lo, hi) }), nil
	}})
}

func inferClip(n *Node) ([]Shape, error) {
	if _, _, err := clipBounds(n); err != nil {
		return nil, err
	}
	return sameShape(n)
}

// clipBounds reads min and max: attributes before opset 11, inputs since.
func clipBounds(n *Node) (lo, hi float32, err error) {
	lo, hi = n.Float("min", -math.MaxFloat32), n.Float("max", math.MaxFloat32)
	if lo, err = n.ConstFloat(1, lo); err != nil {
		return 0, 0, err
	}
	hi, err = n.ConstFloat(2, hi)
	return lo, hi, err
}
