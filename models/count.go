package models

import (
	"slices"

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

// Summary is the size of an example for a certain input.
type Summary struct {
	Input   []int // shape of one row
	Classes int
	Params  int64
	FLOPs   int64 // of the forward pass of one row
}

// Summarise builds one of a's specs for the input that a is shown with.
func (a Architecture) Summarise(text string) (Summary, error) {
	s := Summary{Input: slices.Clone(a.Shown), Classes: a.ShownClasses}
	m, err := Build(text, Input{Shape: a.Shown}, a.ShownClasses, 0)
	if err != nil {
		return s, err
	}
	if s.Params, err = Count(m); err != nil {
		return s, err
	}
	s.FLOPs, err = FLOPs(m)
	return s, err
}
