package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Min is y = minᵢ xᵢ, NaN where one is; dxᵢ = dy for the first i with xᵢ = y,
// else 0.
func init() {
	registerVariadic("Min", variadicOp{fold: rows(kernel.Min, kernel.MinScalar, kernel.MinScalar), share: firstOfEquals})
}
