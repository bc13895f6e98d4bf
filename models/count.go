package models

import (
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// Count is the number of trained parameters of a student's model: frozen
// constants and running statistics are not counted.
func Count(m *onnx.Model) (int64, error) {
	g, err := graph.Import(m, "")
	if err != nil {
		return 0, err
	}
	var n int64
	for _, p := range g.Params {
		if p.Role == graph.Trained {
			n += int64(len(p.Data))
		}
	}
	return n, nil
}

// FLOPs is the number of floating-point operations of the forward pass of one
// row: two for each multiply-add of Gemm, MatMul and Conv.
func FLOPs(m *onnx.Model) (int64, error) {
	g, err := graph.Import(m, "")
	if err != nil {
		return 0, err
	}
	return 2 * g.MultiplyAdds(), nil
}
