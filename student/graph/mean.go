package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Mean is y = Σᵢ xᵢ/n of n inputs; every dxᵢ = dy/n.
func init() {
	registerVariadic("Mean", variadicOp{
		fold:   addRows,
		finish: func(y []float32, n int) { kernel.DivScalar(y, y, float32(n)) },
		share: func(k *variadic, _ int, g, dy []float32, _, _, _, _ int) {
			kernel.DivScalar(g, dy, float32(len(k.in)))
		},
	})
}
