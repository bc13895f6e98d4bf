package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// Max is y = maxᵢ xᵢ, NaN where one is; dxᵢ = dy for the first i with xᵢ = y,
// else 0.
func init() {
	registerVariadic("Max", variadicOp{fold: rows(kernel.Max, kernel.MaxScalar, kernel.MaxScalar), share: firstOfEquals})
}
