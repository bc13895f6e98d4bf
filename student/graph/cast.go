package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func init() {
	Register(Op{Type: "Cast", Layout: AnyOrder, MinIn: 1, MaxIn: 1, Infer: inferCast, Build: copies})
}

// inferCast allows float32 to float32: every value of a student is float32.
func inferCast(n *Node) ([]Shape, error) {
	if to := onnx.DType(n.Int("to", 0)); to != onnx.Float32 {
		return nil, fmt.Errorf("casts to %v, a student computes in float32 only", to)
	}
	return sameShape(n)
}
