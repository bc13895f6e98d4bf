package graph

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Cast is y = x as the type of the attribute to, cut towards 0 where floats
// become integers; dx = dy, and none where they do.
func init() {
	Register(Op{Type: "Cast", Layout: AnyOrder, MinIn: 1, MaxIn: 1, Passes: true, Infer: inferCast, DType: func(n *Node) onnx.DType { return onnx.DType(n.Int("to", 0)) }, Build: buildCast})
}

// inferCast allows float32, int64 and int32 both ways: every value of a
// student is float32 to the kernels.
func inferCast(n *Node) ([]Shape, error) {
	if to := onnx.DType(n.Int("to", 0)); to != onnx.Float32 && to != onnx.Int64 && to != onnx.Int32 {
		return nil, fmt.Errorf("casts to %v, a student computes in float32 only, with integers of int64 and int32", to)
	}
	return sameShape(n)
}

// truncate is the Cast of floats to integers, towards 0. It has no gradient.
type truncate struct{}

func buildCast(b *Build) (Kernel, error) {
	if n := b.Node; isInteger(n.outType()) && !isInteger(n.In[0].dtype) {
		return truncate{}, nil
	}
	return copies(b)
}

func (truncate) Forward(_ *Run, in, out [][]float32) {
	for i, v := range in[0] {
		out[0][i] = float32(math.Trunc(float64(v)))
	}
}
