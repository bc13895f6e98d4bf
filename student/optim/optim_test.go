package optim

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// reference runs the update rules in float64, as the papers write them.
func reference(name string, s Settings, rank int, w float64, grads []float64, lr float64) float64 {
	wd := s.WeightDecay
	if rank < 2 {
		wd = 0
	}
	var v, m float64
	for t, g := range grads {
		switch name {
		case "sgd":
			v = s.Momentum*v + g + wd*w
			w -= lr * v
		case "nesterov":
			g += wd * w
			v = s.Momentum*v + g
			w -= lr * (g + s.Momentum*v)
		case "adamw":
			m = s.Beta1*m + (1-s.Beta1)*g
			v = s.Beta2*v + (1-s.Beta2)*g*g
			mh, vh := m/(1-math.Pow(s.Beta1, float64(t+1))), v/(1-math.Pow(s.Beta2, float64(t+1)))
			w -= lr * (mh/(math.Sqrt(vh)+s.Epsilon) + wd*w)
		}
	}
	return w
}

func TestUpdates(t *testing.T) {
	grads := []float64{0.5, -0.25, 1, 0.125, -2}
	for _, name := range List() {
		for _, dims := range [][]int{{3}, {1, 3}} {
			o, err := New(name, Settings{WeightDecay: 0.1, Momentum: 0.8, Beta1: 0.7, Beta2: 0.95})
			if err != nil {
				t.Fatal(err)
			}
			p := Param{Name: "w", Dims: dims, Data: []float32{1, -2, 0.5}, Grad: make([]float32, 3)}
			start := slices.Clone(p.Data)
			o.Bind([]Param{p})
			for i, g := range grads {
				for j := range p.Grad {
					p.Grad[j] = 2 * float32(g) // halved again by scale
				}
				o.Step(uint64(i+1), 0.05, 0.5)
			}
			for j, w := range start {
				want := reference(name, o.Settings(), len(dims), float64(w), grads, float64(float32(0.05)))
				if !(math.Abs(float64(p.Data[j])-want) <= 2e-6) {
					t.Errorf("%s rank %d: w[%d] is %g, want %g", name, len(dims), j, p.Data[j], want)
				}
			}
		}
	}
}

// TestStateContinues stops after three of six steps, carries State over and
// expects the same bits.
func TestStateContinues(t *testing.T) {
	for _, name := range List() {
		run := func(stop int) []float32 {
			p := Param{Name: "w", Dims: []int{2, 2}, Data: []float32{1, -2, 0.5, 3}, Grad: make([]float32, 4)}
			o, _ := New(name, Settings{WeightDecay: 0.01})
			o.Bind([]Param{p})
			for i := range 6 {
				if i == stop {
					saved := o.State()
					o, _ = New(name, Settings{WeightDecay: 0.01})
					o.Bind([]Param{p})
					for k, s := range o.State() {
						if s.Name != saved[k].Name {
							t.Fatalf("%s: state %d is %q, want %q", name, k, s.Name, saved[k].Name)
						}
						copy(s.Data, saved[k].Data)
					}
				}
				for j := range p.Grad {
					p.Grad[j] = float32(i*j) - 2
				}
				o.Step(uint64(i+1), 0.1, 1)
			}
			return p.Data
		}
		if whole, cut := run(-1), run(3); !slices.Equal(whole, cut) {
			t.Errorf("%s: %v after a stop, %v without", name, cut, whole)
		}
	}
}

func TestSameBitsOnAnyCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, name := range List() {
		var first []float32
		for _, procs := range []int{1, 2, 3, 8} {
			runtime.GOMAXPROCS(procs)
			n := 3*updateGrain + 7
			p := Param{Name: "w", Dims: []int{n, 1}, Data: make([]float32, n), Grad: make([]float32, n)}
			for i := range p.Data {
				p.Data[i], p.Grad[i] = float32(i%17)-8, float32(i%13)-6
			}
			o, _ := New(name, Settings{WeightDecay: 0.1})
			o.Bind([]Param{p})
			for i := range 3 {
				o.Step(uint64(i+1), 0.1, 0.9)
			}
			if first == nil {
				first = p.Data
			} else if !slices.Equal(first, p.Data) {
				t.Errorf("%s: GOMAXPROCS %d changes the weights", name, procs)
			}
		}
	}
}

func TestClip(t *testing.T) {
	params := []Param{{Grad: []float32{3}}, {Grad: []float32{0, 4}}}
	if n := GlobalNorm(params); n != 5 {
		t.Errorf("norm is %g, want 5", n)
	}
	for _, c := range []struct{ limit, want float64 }{{0, 1}, {6, 1}, {5, 1}, {2.5, 0.5}} {
		if got := ClipScale(5, c.limit); float64(got) != c.want {
			t.Errorf("scale for limit %g is %g, want %g", c.limit, got, c.want)
		}
	}
	params[1].Grad[0] = float32(math.Inf(1))
	if n := GlobalNorm(params); !math.IsInf(n, 1) {
		t.Errorf("norm with an infinite gradient is %g", n)
	}
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Schedule
		want map[uint64]float64
	}{
		{"constant", Constant(), map[uint64]float64{0: 1, 99: 1}},
		{"steps", Steps(10, 0.1), map[uint64]float64{0: 1, 9: 1, 10: 0.1, 25: 0.01}},
		{"steps never", Steps(0, 0.1), map[uint64]float64{0: 1, 1000: 1}},
		{"cosine", Cosine(100, 0), map[uint64]float64{0: 1, 50: 0.5, 100: 0, 500: 0}},
		{"cosine with floor", Cosine(100, 0.2), map[uint64]float64{0: 1, 50: 0.6, 100: 0.2}},
		{"warm-up", Warmup(4, Cosine(10, 0)), map[uint64]float64{0: 0.25, 3: 1, 4: 1, 9: 0.5, 14: 0}},
	} {
		for step, want := range c.want {
			if got := c.s(step); !(math.Abs(got-want) <= 1e-12) {
				t.Errorf("%s at %d is %g, want %g", c.name, step, got, want)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, s := range map[string]Settings{
		"nothing": {}, "sgd": {Momentum: 1}, "adamw": {Beta2: math.NaN()}, "nesterov": {WeightDecay: -1},
	} {
		_, err := New(name, s)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Usage {
			t.Errorf("New(%q, %+v) gives %v, want a usage error", name, s, err)
		}
	}
}
