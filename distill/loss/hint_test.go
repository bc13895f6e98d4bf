package loss

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// TestHintGolden computes by hand: two rows of two values, μ = (1, 2), σ = 2,
// w = 3.
//
//	u = (3, 2), (1, −2)  →  û = (1, 0), (0, −2)
//	r = (1, 1), (0.5, 0) →  r − û = (0, 1), (0.5, 2)
//	L/w = (0 + 1 + 0.25 + 4)/(2·2) = 1.3125
//	∂L/∂r = 2·3·(r − û)/(2·2) = (0, 1.5), (0.75, 3)
func TestHintGolden(t *testing.T) {
	h, err := NewHint(3, []float32{1, 2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	grad := []float32{9, 9, 9, 9}
	if got := h.Eval(2, []float32{1, 1, 0.5, 0}, []float32{3, 2, 1, -2}, grad); got != 1.3125 {
		t.Errorf("value %v, expected 1.3125", got)
	}
	for i, want := range []float32{0, 1.5, 0.75, 3} {
		if grad[i] != want {
			t.Errorf("gradient %d is %v, expected %v", i, grad[i], want)
		}
	}
	if want := "3·MSE"; !strings.HasPrefix(h.Formula(), want) || h.Weight() != 3 {
		t.Errorf("formula %q, expected it to begin with %q", h.Formula(), want)
	}
}

// TestHintFiniteDifferences holds the gradient against central differences of
// the value, which is quadratic, so that they are exact but for rounding.
func TestHintFiniteDifferences(t *testing.T) {
	const n, d, step = 5, 7, 0.25
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(k int) []float32 {
		x := make([]float32, k)
		for i := range x {
			x[i] = float32(3 * rng.NormFloat64())
		}
		return x
	}
	h, err := NewHint(0.7, draw(d), 1.3)
	if err != nil {
		t.Fatal(err)
	}
	r, u, grad := draw(n*d), draw(n*d), make([]float32, n*d)
	h.Eval(n, r, u, grad)
	for i := range r {
		at := r[i]
		r[i] = at + step
		up, hi := h.Eval(n, r, u, nil), float64(r[i])
		r[i] = at - step
		down, lo := h.Eval(n, r, u, nil), float64(r[i])
		r[i] = at
		if want := 0.7 * (up - down) / (hi - lo); math.Abs(want-float64(grad[i])) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("gradient %d is %v, differences give %v", i, grad[i], want)
		}
	}
}

// TestHintScale is what the standardisation promises: for any teacher's units a
// projection that reproduces the values has no loss and no gradient, and one
// that knows their means has a loss of 1.
func TestHintScale(t *testing.T) {
	const n, d = 400, 3
	rng := rand.New(rand.NewPCG(3, 4))
	for _, unit := range []float64{1e-6, 1, 1e6} {
		u := make([]float32, n*d)
		mean, variance := make([]float64, d), 0.0
		for i := range u {
			u[i] = float32(unit * (float64(i%d)*5 + float64(1+i%d)*rng.NormFloat64()))
			mean[i%d] += float64(u[i]) / n
		}
		means := make([]float32, d)
		for k := range means {
			means[k] = float32(mean[k])
		}
		for i, v := range u {
			e := float64(v) - float64(means[i%d])
			variance += e * e / (n * d)
		}
		h, err := NewHint(1, means, math.Sqrt(variance))
		if err != nil {
			t.Fatal(err)
		}
		grad, r := make([]float32, n*d), make([]float32, n*d)
		if got := h.Eval(n, r, u, grad); math.Abs(got-1) > 1e-9 {
			t.Errorf("unit %g: the means alone have a loss of %v, expected 1", unit, got)
		}
		for i, v := range u {
			r[i] = float32((float64(v) - float64(means[i%d])) / math.Sqrt(variance))
		}
		if got := h.Eval(n, r, u, grad); got > 1e-12 {
			t.Errorf("unit %g: reproduced exactly, the loss is %v", unit, got)
		}
		for i, g := range grad {
			if math.Abs(float64(g)) > 1e-9 {
				t.Fatalf("unit %g: reproduced exactly, gradient %d is %v", unit, i, g)
			}
		}
	}
}

func TestHintRefuses(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		weight float64
		mean   []float32
		std    float64
		kind   fault.Kind
		text   string
	}{
		"negative weight": {-1, []float32{0}, 1, fault.Usage, "--hint-weight"},
		"NaN weight":      {nan, []float32{0}, 1, fault.Usage, "--hint-weight"},
		"huge weight":     {2e6, []float32{0}, 1, fault.Usage, "1e6"},
		"NaN mean":        {1, []float32{0, float32(nan)}, 1, fault.Input, "hint value 1"},
		"constant":        {1, []float32{0}, 0, fault.Input, "deviation of 0"},
		"infinite":        {1, []float32{0}, math.Inf(1), fault.Input, "deviation of +Inf"},
	} {
		_, err := NewHint(c.weight, c.mean, c.std)
		if err == nil || fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: error %v, expected one with %q", name, err, c.text)
		}
	}
}
