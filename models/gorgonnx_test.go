package models

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/x/gorgonnx"
	"gorgonia.org/tensor"

	"github.com/kdonnx/kdonnx/student"
)

// TestSecondOpinion runs the zoo in onnx-go, a runtime that shares no code
// with this one, and expects the same logits.
func TestSecondOpinion(t *testing.T) {
	for _, spec := range []string{"linear", "mlp:20,10", "cnn:4,6?hidden=16", "lenet"} {
		for _, in := range []Input{
			image,
			{Shape: []int{1, 12, 12}, Scale: []float32{0.5}, Shift: []float32{-1}},
			{Shape: []int{3, 12, 12}, Scale: []float32{0.5, 2, 3}},
			{Shape: []int{12, 12, 1}, NHWC: true},
		} {
			for _, n := range []int{1, 3} {
				s := build(t, spec, in, 4)
				x := make([]float32, n*in.Shape[0]*in.Shape[1]*in.Shape[2])
				rng := rand.New(rand.NewPCG(1, uint64(n)))
				for i := range x {
					x[i] = float32(rng.NormFloat64())
				}
				want := make([]float32, 4*n)
				if err := s.Predict(context.Background(), x, n, want); err != nil {
					t.Fatal(err)
				}
				for i, v := range secondOpinion(t, s, x, n) {
					if !(math.Abs(float64(v-want[i])) <= 1e-4*(1+math.Abs(float64(want[i])))) {
						t.Errorf("%s %v, %d rows: logit %d is %g, onnx-go says %g", spec, in.Shape, n, i, want[i], v)
					}
				}
			}
		}
	}
}

func secondOpinion(t *testing.T, s *student.Student, x []float32, n int) []float32 {
	t.Helper()
	backend := gorgonnx.NewGraph()
	m := onnxgo.NewModel(backend)
	if err := m.UnmarshalBinary(marshal(t, s.Model())); err != nil {
		t.Fatal(err)
	}
	shape := append([]int{n}, s.InputShape()...)
	if err := m.SetInput(0, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(slices.Clone(x)))); err != nil {
		t.Fatal(err)
	}
	if err := backend.Run(); err != nil {
		t.Fatal(err)
	}
	out, err := m.GetOutputTensors()
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Data().([]float32)
}
