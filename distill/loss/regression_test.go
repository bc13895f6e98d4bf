package loss

import (
	"math"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// The golden rows are the definitions in 40-digit arithmetic, with scales of
// 1, 2 and ½, means over N·C = 12.
func init() {
	s := Settings{Temperature: 4, Alpha: 0.75, Scale: []float32{1, 2, 0.5}}
	goldens["regression"] = golden{s, Terms{Total: 21.233072916666667, Soft: 27.075520833333333, Hard: 3.7057291666666667}, []float64{
		-1. / 24, -1. / 24, 2.45833333333,
		0.0625, -0.0364583333333, -0.916666666667,
		-1.5, 0.3125, 2.125,
		0, -0.03125, -1,
	}}
	s.Delta = 0.75
	goldens["regression-huber"] = golden{s, Terms{Total: 1.95703125, Soft: 2.3971354166666667, Hard: 0.63671875}, []float64{
		-1. / 48, -1. / 48, 0.125,
		0.03125, -0.0182291666667, -0.125,
		-0.046875, 0.0234375, 0.09375,
		0, -0.015625, -0.125,
	}}
	// The suite draws batches of other widths.
	for _, name := range []string{"regression", "regression-huber"} {
		wide := goldens[name]
		wide.settings.Scale = nil
		anyWidth[name] = wide.settings
	}
}

// By hand: z = 3, v = 1, V = 2 with a scale of 2, α = 0.75:
// L = 0.75·1² + 0.25·0.5², dL/dz = (0.75·2·1 + 0.25·2·0.5)/2, whose parts before
// the division by the scale are the gradients of the terms.
func TestRegressionByHand(t *testing.T) {
	l, err := NewRegression(Settings{Temperature: 1, Alpha: 0.75, Scale: []float32{2}})
	if err != nil {
		t.Fatal(err)
	}
	grad := make([]float32, 1)
	got := l.Eval(Batch{N: 1, C: 1, Student: []float32{3}, Teacher: []float32{1}, Values: []float32{2}}, grad)
	if got != (Terms{Total: 0.8125, Soft: 1, Hard: 0.25, SoftGradient: 0.75 * 2, HardGradient: 0.25 * 2 * 0.5}) || grad[0] != 0.875 {
		t.Errorf("got %v and gradient %v", got, grad[0])
	}
}

// Units do not matter: targets in thousands with a scale of a thousand give
// the same loss and, for what lies before the scale, the same gradient.
func TestRegressionKnowsNoUnits(t *testing.T) {
	for _, name := range []string{"regression", "regression-huber"} {
		eval := func(unit float32) (Terms, []float32) {
			l, err := New(name, Settings{Temperature: 1, Alpha: 0.5, Scale: []float32{unit}})
			if err != nil {
				t.Fatal(err)
			}
			grad := make([]float32, 2)
			terms := l.Eval(Batch{N: 2, C: 1, Student: []float32{3 * unit, -8 * unit}, Teacher: []float32{unit, 2 * unit}, Values: []float32{2 * unit, unknown}}, grad)
			return terms, []float32{grad[0] * unit, grad[1] * unit}
		}
		small, g := eval(1)
		big, h := eval(1024)
		if small != big || g[0] != h[0] || g[1] != h[1] {
			t.Errorf("%s: got %v %v and %v %v", name, small, g, big, h)
		}
	}
}

// Huber's function is the parabola near 0 and has slope δ far out, whatever
// the size of an error.
func TestHuber(t *testing.T) {
	l, err := NewHuber(Settings{Temperature: 1, Alpha: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ z, m, slope float64 }{{0, 0, 0}, {0.5, 0.125, 0.5}, {1, 0.5, 1}, {3, 2.5, 1}, {-3, 2.5, -1}, {1e30, 1e30, 1}} {
		grad := make([]float32, 1)
		got := l.Eval(Batch{N: 1, C: 1, Student: []float32{float32(c.z)}, Teacher: []float32{0}}, grad)
		near(t, "value", got.Total, c.m, 1e-7)
		near(t, "slope", float64(grad[0]), c.slope, 1e-7)
	}
}

func TestRegressionSettings(t *testing.T) {
	for _, c := range []struct {
		s    Settings
		kind fault.Kind
	}{
		{Settings{Temperature: 1, Delta: -1}, fault.Usage},
		{Settings{Temperature: 1, Delta: math.NaN()}, fault.Usage},
		{Settings{Temperature: 1, Delta: 1e4}, fault.Usage},
		{Settings{Temperature: 1, Scale: []float32{1, 0}}, fault.Input},
		{Settings{Temperature: 1, Scale: []float32{unknown}}, fault.Input},
	} {
		if _, err := NewHuber(c.s); fault.KindOf(err) != c.kind {
			t.Errorf("%+v: got %v", c.s, err)
		}
	}
	l, _ := NewRegression(Settings{Temperature: 1, Scale: []float32{1}})
	defer func() {
		if recover() == nil {
			t.Error("one scale for three targets does not panic")
		}
	}()
	l.Eval(goldenBatch(), nil)
}
