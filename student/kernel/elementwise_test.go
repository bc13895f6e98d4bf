package kernel

import (
	"math"
	"testing"
)

func TestExp(t *testing.T) {
	for x := -110.0; x < 95; x += 0.00371 {
		got, want := float64(Exp(float32(x))), math.Exp(float64(float32(x)))
		if w := float32(want); float64(w) == got {
			continue
		}
		if !(math.Abs(got-want) <= 6.1e-8*want+1.5e-45) {
			t.Fatalf("Exp(%g) is %g, want %g", x, got, want)
		}
	}
	inf := math.Inf(1)
	for _, c := range []struct{ x, want float64 }{{0, 1}, {inf, inf}, {-inf, 0}, {89.5, inf}} {
		if got := float64(Exp(float32(c.x))); got != c.want {
			t.Errorf("Exp(%g) is %g, want %g", c.x, got, c.want)
		}
	}
	if got := Exp(float32(math.NaN())); got == got {
		t.Errorf("Exp(NaN) is %g", got)
	}
}

func TestTanhAndSigmoid(t *testing.T) {
	for x := -40.0; x < 40; x += 0.00137 {
		in, y := []float32{float32(x)}, make([]float32, 1)
		v := float64(in[0])
		Tanh(y, in)
		if !(math.Abs(float64(y[0])-math.Tanh(v)) <= 1e-7*math.Abs(math.Tanh(v))) {
			t.Fatalf("tanh(%g) is %g, want %g", v, y[0], math.Tanh(v))
		}
		Sigmoid(y, in)
		if want := 1 / (1 + math.Exp(-v)); !(math.Abs(float64(y[0])-want) <= 1e-7*want) {
			t.Fatalf("sigmoid(%g) is %g, want %g", v, y[0], want)
		}
	}
}

// TestSpecialValues keeps NaN visible and ends the range well.
func TestSpecialValues(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	x := []float32{nan, inf, -inf}
	for name, c := range map[string]struct {
		f    func(y, x []float32)
		want [2]float32
	}{
		"tanh":    {Tanh, [2]float32{1, -1}},
		"sigmoid": {Sigmoid, [2]float32{1, 0}},
		"leaky":   {func(y, x []float32) { LeakyRelu(y, x, 0.5) }, [2]float32{inf, -inf}},
		"clip":    {func(y, x []float32) { Clip(y, x, -2, 3) }, [2]float32{3, -2}},
	} {
		y := make([]float32, 3)
		c.f(y, x)
		if y[0] == y[0] || y[1] != c.want[0] || y[2] != c.want[1] {
			t.Errorf("%s of NaN, Inf, -Inf is %v", name, y)
		}
	}
}
