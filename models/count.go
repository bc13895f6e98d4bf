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

// Cost is what a net takes.
type Cost struct {
	Params int64 // that are trained
	Values int64 // float32 values of the file: with running statistics, without frozen constants
	FLOPs  int64 // of the forward pass of one row, as FLOPs counts them
}

// Measure is the cost of the net that text names, without drawing a weight:
// quick for nets of any size. Errors are those of Build.
func Measure(text string, in Input, classes int) (Cost, error) {
	s, err := parse(text)
	if err != nil {
		return Cost{}, err
	}
	if err := checkClasses(classes); err != nil {
		return Cost{}, err
	}
	b, err := draft(s, in, classes, 0, true)
	if err != nil {
		return Cost{}, err
	}
	return Cost{Params: int64(b.params - b.stats), Values: int64(b.params), FLOPs: 2 * b.ops}, nil
}

// Summary is the size of an example for a certain input.
type Summary struct {
	Input   []int // shape of one row
	Classes int
	Cost
}

// Summarise measures one of a's specs for the input that a is shown with.
func (a Architecture) Summarise(text string) (Summary, error) {
	s := Summary{Input: slices.Clone(a.Shown), Classes: a.ShownClasses}
	var err error
	s.Cost, err = Measure(text, Input{Shape: a.Shown}, a.ShownClasses)
	return s, err
}
