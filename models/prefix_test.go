package models

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/graph"
)

// TestPrefix puts a normalisation before models that have one already, whose
// names it must not take, and compares with normalised rows.
func TestPrefix(t *testing.T) {
	const rows = 7
	for _, c := range []struct {
		name         string
		in           Input
		scale, shift []float32
		channel      func(i int) int // of value i of a row
	}{
		{"flat", Input{Name: "x", Shape: []int{4}, Scale: []float32{2}, Shift: []float32{1}}, []float32{1, 2, 3, 4}, []float32{0, 1, 0, 2}, func(i int) int { return i }},
		{"one value", Input{Name: "x", Shape: []int{4}}, []float32{0.5}, []float32{3}, func(int) int { return 0 }},
		{"planes", Input{Name: "x", Shape: []int{2, 2, 3}, Scale: []float32{3}}, []float32{2, 5}, []float32{0, 1}, func(i int) int { return i / 6 }},
		{"pixels", Input{Name: "x", Shape: []int{2, 3, 2}, NHWC: true, Shift: []float32{3}}, []float32{2, 5}, []float32{0, 1}, func(i int) int { return i % 2 }},
		{"nothing", Input{Name: "x", Shape: []int{4}}, nil, nil, func(int) int { return 0 }},
	} {
		m, err := Build("mlp:5", c.in, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := student.FromModel(m, c.name)
		if err != nil {
			t.Fatal(err)
		}
		m = plain.Model()
		in := Input{Name: "raw", Shape: c.in.Shape, NHWC: c.in.NHWC, Scale: c.scale, Shift: c.shift}
		if err := Prefix(m, in); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		whole, err := student.FromModel(m, c.name)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if whole.InputName() != "raw" {
			t.Errorf("%s: the input is %q, want raw", c.name, whole.InputName())
		}
		size := 1
		for _, d := range c.in.Shape {
			size *= d
		}
		x, y := make([]float32, rows*size), make([]float32, rows*size)
		for i := range x {
			x[i] = float32(i%11) - 4
			y[i] = x[i]
			if c.scale != nil {
				k := c.channel(i % size)
				y[i] = x[i]*c.scale[k] + c.shift[k]
			}
		}
		a, b := make([]float32, rows*3), make([]float32, rows*3)
		if err := whole.Predict(context.Background(), x, rows, a); err != nil {
			t.Fatal(err)
		}
		if err := plain.Predict(context.Background(), y, rows, b); err != nil {
			t.Fatal(err)
		}
		for i := range a {
			if !(math.Abs(float64(a[i]-b[i])) <= 1e-5*(1+math.Abs(float64(b[i])))) {
				t.Errorf("%s: logit %d is %g, of normalised rows %g", c.name, i, a[i], b[i])
			}
		}
		trained := func(s *student.Student) (n int) {
			for _, p := range s.Params() {
				if p.Trainable {
					n++
				}
			}
			return n
		}
		if got := trained(whole); got != trained(plain) {
			t.Errorf("%s: %d parameters are trained, %d before", c.name, got, trained(plain))
		}
	}
}

func TestPrefixRefuses(t *testing.T) {
	m, err := Build("mlp:5", Input{Name: "x", Shape: []int{4}}, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	for want, in := range map[string]Input{
		"--input-name": {Name: "logits", Shape: []int{4}},
		"3 values":     {Name: "x", Shape: []int{4}, Scale: []float32{1, 2, 3}},
		"NaN":          {Name: "x", Shape: []int{4}, Shift: []float32{float32(math.NaN())}},
	} {
		if err := Prefix(m, in); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want a usage error with %q", in, err, want)
		}
	}
	if _, ok := m.Meta(graph.FrozenKey); ok || m.Graph.Inputs[0].Name != "x" {
		t.Error("a refused prefix changed the model")
	}
}
