package graph

import (
	"math"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// ReduceMin is y = min x, NaN where one is; dx = dy for the first x = y, else 0.
func init() {
	registerExtreme("ReduceMin", float32(math.Inf(1)), kernel.Min, func(y, x float32) float32 { return min(y, x) })
}
