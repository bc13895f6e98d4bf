package recalibrate

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestClosedForm holds biases against what algebra gives: where all rows are
// alike, softmax(z + b) is the prior itself.
func TestClosedForm(t *testing.T) {
	for _, c := range []struct {
		name    string
		z       []float32
		classes []int
		prior   []float64
		want    []float64
	}{
		{"logit of the prior", []float32{0, 0}, []int{1}, []float64{0.2}, []float64{0, math.Log(0.2 / 0.8)}},
		{"log odds beside two others", []float32{1, 2, 3, 1, 2, 3}, []int{0}, []float64{0.3},
			[]float64{math.Log(0.3/0.7) + math.Log(math.Exp(2)+math.Exp(3)) - 1, 0, 0}},
		{"two of three", []float32{5, -1, 2}, []int{2, 0}, []float64{0.25, 0.25}, []float64{math.Log(0.5) - 1 - 5, 0, math.Log(0.5) - 1 - 2}},
		{"all, of sum 0", []float32{1, 4}, []int{0, 1}, []float64{0.5, 0.5}, []float64{1.5, -1.5}},
		{"nothing to do", []float32{0, 0, 0, 0}, []int{3}, []float64{0.25}, []float64{0, 0, 0, 0}},
	} {
		s, err := Solve(c.z, len(c.want), c.classes, c.prior)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for k, want := range c.want {
			if math.Abs(s.Bias[k]-want) > 1e-7 {
				t.Errorf("%s: bias of class %d is %v, expected %v", c.name, k, s.Bias[k], want)
			}
		}
	}
}

// draw is n rows of c logits in a spread.
func draw(n, c int, spread float64, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	z := make([]float32, n*c)
	for i := range z {
		z[i] = float32(spread * rng.NormFloat64())
	}
	return z
}

// slowMass is the mean softmax, by the definition, in another order.
func slowMass(z []float32, c int, b []float64, k int) float64 {
	var sum float64
	n := len(z) / c
	for i := n - 1; i >= 0; i-- {
		var odds float64
		for j := range c {
			odds += math.Exp(float64(z[i*c+j]) + b[j] - float64(z[i*c+k]) - b[k])
		}
		sum += 1 / odds
	}
	return sum / float64(n)
}

// TestOneClass holds the bias of one class against a search over a grid that
// gets finer.
func TestOneClass(t *testing.T) {
	for seed := range uint64(8) {
		const c = 5
		z := draw(200, c, 1+3*float64(seed), seed)
		prior := []float64{0.01, 0.1, 0.5, 0.9}[seed%4]
		s, err := Solve(z, c, []int{2}, []float64{prior})
		if err != nil {
			t.Fatal(err)
		}
		b, step := make([]float64, c), 64.0
		b[2] = -256
		for step > 1e-9 {
			for slowMass(z, c, b, 2) < prior {
				b[2] += step
			}
			b[2] -= step
			step /= 2
		}
		if math.Abs(s.Bias[2]-b[2]) > 1e-5 {
			t.Errorf("seed %d: bias %v, a grid finds %v", seed, s.Bias[2], b[2])
		}
	}
}

// TestMany certifies biases of several classes by the masses, summed anew, and
// by F, which no step away makes smaller.
func TestMany(t *testing.T) {
	for seed := range uint64(12) {
		c := 3 + int(seed)
		z := draw(150, c, []float64{0.1, 2, 8, 40}[seed%4], seed)
		rng := rand.New(rand.NewPCG(seed, 2))
		classes := rng.Perm(c)[:2+int(seed)%(c-1)]
		prior := make([]float64, len(classes))
		var sum float64
		for i := range prior {
			prior[i] = 0.05 + rng.Float64()
			sum += prior[i]
		}
		if len(classes) < c {
			sum += 0.3
		}
		for i := range prior {
			prior[i] /= sum
		}
		s, err := Solve(z, c, classes, prior)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		if s.Rounds > 12 && seed%4 < 3 {
			t.Errorf("seed %d: %d rounds, Newton's method needs fewer", seed, s.Rounds)
		}
		for i, k := range classes {
			if got := slowMass(z, c, s.Bias, k); math.Abs(got-prior[i]) > 2*Tolerance {
				t.Errorf("seed %d: mass of class %d is %v, expected %v", seed, k, got, prior[i])
			}
		}
		f := func(b []float64) float64 {
			var v float64
			for i := range len(z) / c {
				var e float64
				for j := range c {
					e += math.Exp(float64(z[i*c+j]) + b[j])
				}
				v += math.Log(e) / float64(len(z)/c)
			}
			for i, k := range classes {
				v -= prior[i] * b[k]
			}
			return v
		}
		for _, k := range classes {
			for _, step := range []float64{-0.01, 0.01} {
				b := slices.Clone(s.Bias)
				if b[k] += step; f(b) <= f(s.Bias) {
					t.Errorf("seed %d: F falls with class %d by %v", seed, k, step)
				}
			}
		}
		for k, b := range s.Bias {
			if !slices.Contains(classes, k) && b != 0 {
				t.Errorf("seed %d: class %d, which was not named, got %v", seed, k, b)
			}
		}
	}
}

// TestSaturated solves where softmax is flat nearly everywhere, so that
// Newton's steps lead nowhere.
func TestSaturated(t *testing.T) {
	for _, spread := range []float64{100, 1e4, 1e6} {
		z := draw(100, 4, spread, 5)
		for i := range 100 {
			z[i*4] -= float32(20 * spread) // as good as absent
		}
		for _, classes := range [][]int{{0}, {0, 3}, {0, 1, 2, 3}} {
			prior := []float64{0.25, 0.25, 0.25, 0.25}[:len(classes)]
			s, err := Solve(z, 4, classes, prior)
			if err != nil {
				t.Errorf("spread %g, classes %v: %v", spread, classes, err)
				continue
			}
			for i, k := range classes {
				if got := slowMass(z, 4, s.Bias, k); math.Abs(got-prior[i]) > 1e-6 {
					t.Errorf("spread %g: mass of class %d is %v, expected %v", spread, k, got, prior[i])
				}
			}
			if s.Before[0] > 1e-30 {
				t.Errorf("mass before is %v", s.Before[0])
			}
		}
	}
}

// TestMatchedAtTraining is why rows of the transfer set tell little: where a
// student's soft loss is at its minimum in the bias, its mean mass is the
// teacher's already, at the temperature it was trained at.
func TestMatchedAtTraining(t *testing.T) {
	const n, c, temperature = 60, 3, 4.0
	v, z := draw(n, c, 3, 1), draw(n, c, 3, 2)
	hot := func(x []float32) []float32 {
		y := slices.Clone(x)
		for i := range y {
			y[i] /= temperature
		}
		return y
	}
	p, err := Mass(hot(v), c)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]float64, c) // gradient descent on mean KL(softmax(v/T) ‖ softmax((z+b)/T))
	for range 20_000 {
		for k := range b {
			scaled := []float64{b[0] / temperature, b[1] / temperature, b[2] / temperature}
			b[k] -= 5 * (slowMass(hot(z), c, scaled, k) - p[k])
		}
	}
	for i := range z {
		z[i] += float32(b[i%c])
	}
	s, err := Solve(hot(z), c, []int{1}, p[1:2])
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(s.Bias[1]) > 1e-4 {
		t.Errorf("there is %v left to add", s.Bias[1])
	}
}

func TestRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		z       []float32
		classes []int
		prior   []float64
		want    string
	}{
		{nil, []int{0}, []float64{0.5}, "0 logits"},
		{[]float32{1, 2, 3}, []int{0}, []float64{0.5}, "3 logits of 2"},
		{[]float32{1, nan}, []int{0}, []float64{0.5}, "row 0, class 1 is NaN"},
		{[]float32{1, 1, inf, 0}, []int{0}, []float64{0.5}, "row 1, class 0 is +Inf"},
		{[]float32{1, -inf}, []int{0}, []float64{0.5}, "is -Inf"},
		{[]float32{1, 2}, nil, nil, "0 priors"},
		{[]float32{1, 2}, []int{0}, []float64{0}, "prior of class 0 is 0"},
		{[]float32{1, 2}, []int{0}, []float64{1}, "prior of class 0 is 1"},
		{[]float32{1, 2}, []int{0}, []float64{math.NaN()}, "is NaN"},
		{[]float32{1, 2}, []int{2}, []float64{0.5}, "got class 2"},
		{[]float32{1, 2}, []int{1, 1}, []float64{0.1, 0.1}, "different"},
		{[]float32{1, 2}, []int{0, 1}, []float64{0.5, 0.4}, "sum to 0.9"},
		{[]float32{1, 2}, []int{0}, []float64{0.5, 0.4}, "2 priors of 1"},
	} {
		if _, err := Solve(c.z, 2, c.classes, c.prior); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %v %v: %v, expected %q", c.z, c.classes, c.prior, err, c.want)
		}
	}
	if _, err := Solve([]float32{1, 2, 3}, 3, []int{0, 1}, []float64{0.5, 0.5}); err == nil || !strings.Contains(err.Error(), "must have something left") {
		t.Errorf("nothing is left for the others: %v", err)
	}
	if m, err := Mass([]float32{0, -inf, 0}, 3); err != nil || m[0] != 0.5 || m[1] != 0 {
		t.Errorf("a probability of 0: %v %v", m, err)
	}
	if _, err := Mass([]float32{1, 1, 1, -inf, -inf, -inf}, 3); err == nil {
		t.Error("a row without any mass was taken")
	}
}
