package models

import (
	"context"
	"math"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student"
)

// TestSuffix holds a model that gives scaled numbers against the one before.
func TestSuffix(t *testing.T) {
	ctx := context.Background()
	for _, output := range []string{"values", "logits"} {
		m, err := Build("mlp:5", Input{Name: "output_scale", Shape: []int{3}, Scale: []float32{2}}, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := student.FromModel(m, "plain")
		if err != nil {
			t.Fatal(err)
		}
		scale, shift := []float32{2, 1000}, []float32{-1, 1e5}
		if err := Suffix(m, output, scale, shift); err != nil {
			t.Fatal(err)
		}
		whole, err := student.FromModel(m, "whole")
		if err != nil {
			t.Fatal(err)
		}
		if whole.OutputName() != output {
			t.Errorf("the output is %q, expected %q", whole.OutputName(), output)
		}
		x := []float32{1, 2, 3, -1, 0, 5}
		z, v := make([]float32, 4), make([]float32, 4)
		if err := plain.Predict(ctx, x, 2, z); err != nil {
			t.Fatal(err)
		}
		if err := whole.Predict(ctx, x, 2, v); err != nil {
			t.Fatal(err)
		}
		for i := range z {
			if want := float64(z[i])*float64(scale[i%2]) + float64(shift[i%2]); math.Abs(float64(v[i])-want) > 1e-6*math.Abs(want)+1e-6 {
				t.Errorf("value %d is %v, expected %v", i, v[i], want)
			}
		}
		for _, p := range whole.Params() {
			if (p.Name == "output_scale_" || p.Name == "output_shift") && p.Trainable {
				t.Errorf("%s is trained", p.Name)
			}
		}
		if got, want := trainable(whole), trainable(plain); got != want {
			t.Errorf("%d values are trained, expected the %d before", got, want)
		}
		for _, wrong := range [][2][]float32{{{1}, {1}}, {{1, 0}, {1, 1}}, {{1, float32(math.NaN())}, {1, 1}}, {{1, 1}, {1, float32(math.Inf(1))}}} {
			if err := Suffix(m, output, wrong[0], wrong[1]); fault.KindOf(err) != fault.Input {
				t.Errorf("scale %v, shift %v: %v", wrong[0], wrong[1], err)
			}
		}
	}
}

// trainable counts the values that training changes.
func trainable(s *student.Student) (n int) {
	for _, p := range s.Params() {
		if p.Trainable {
			n += len(p.Data)
		}
	}
	return n
}
