package optim

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// reference runs the update rules in float64 on a whole parameter, as the
// papers write them; grads are one gradient a step.
func reference(name string, s Settings, decays bool, start []float32, grads [][]float64, lr float64) []float64 {
	n := len(start)
	w, m, v, u := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i, x := range start {
		w[i] = float64(x)
	}
	wd := s.WeightDecay
	if !decays {
		wd = 0
	}
	for t, grad := range grads {
		correct1, correct2 := 1-math.Pow(s.Beta1, float64(t+1)), 1-math.Pow(s.Beta2, float64(t+1))
		adam := func(i int, g float64) float64 {
			m[i] = s.Beta1*m[i] + (1-s.Beta1)*g
			v[i] = s.Beta2*v[i] + (1-s.Beta2)*g*g
			return m[i] / correct1 / (math.Sqrt(v[i]/correct2) + s.Epsilon)
		}
		for i, g := range grad {
			switch name {
			case "sgd":
				v[i] = max(s.Momentum, 0)*v[i] + g + wd*w[i]
				w[i] -= lr * v[i]
			case "nesterov":
				g += wd * w[i]
				v[i] = max(s.Momentum, 0)*v[i] + g
				w[i] -= lr * (g + max(s.Momentum, 0)*v[i])
			case "adam":
				w[i] -= lr * adam(i, g+wd*w[i])
			case "adamw":
				w[i] -= lr * (adam(i, g) + wd*w[i])
			case "lamb":
				u[i] = adam(i, g) + wd*w[i]
			case "lion":
				c, sign := s.Beta1*m[i]+(1-s.Beta1)*g, 0.0
				if c != 0 {
					sign = math.Copysign(1, c)
				}
				w[i] -= lr * (sign + wd*w[i])
				m[i] = s.Beta2*m[i] + (1-s.Beta2)*g
			default:
				panic("no reference of " + name)
			}
		}
		if name == "lamb" {
			ratio := 1.0
			if nw, nu := norm(w), norm(u); decays && nw > 0 && nu > 0 {
				ratio = nw / nu
			}
			for i := range w {
				w[i] -= lr * ratio * u[i]
			}
		}
	}
	return w
}

func norm(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// TestUpdates holds every optimiser against its paper, with weight decay and
// without, on parameters that are cut into several pieces and on tiny ones.
func TestUpdates(t *testing.T) {
	grads := []float64{0.5, -0.25, 1, 0.125, -2, 0}
	for _, name := range List() {
		for _, s := range []Settings{
			{WeightDecay: 0.1, Momentum: 0.8, Beta1: 0.7, Beta2: 0.95, Epsilon: 1e-3}, {WeightDecay: 0.1, Momentum: -1}, {},
			{WeightDecay: 0.2, Decay: []string{"!*", "b*"}},
		} {
			o, err := New(name, s)
			if err != nil {
				t.Fatal(err)
			}
			const large = pieceSize + 37
			params := []Param{
				{Name: "w", Dims: []int{1, 3}, Data: []float32{1, -2, 0.5}},
				{Name: "bias", Dims: []int{3}, Data: []float32{1, -2, 0.5}},
				{Name: "zero", Dims: []int{2, 2}, Data: make([]float32, 4)},
				{Name: "large", Dims: []int{large, 1}, Data: make([]float32, large)},
			}
			for i := range params[3].Data {
				params[3].Data[i] = float32(i%19)/8 - 1
			}
			start := make([][]float32, len(params))
			all := make([][][]float64, len(params))
			for k := range params {
				params[k].Grad = make([]float32, len(params[k].Data))
				start[k] = slices.Clone(params[k].Data)
			}
			o.Bind(params)
			for i, g := range grads {
				for k, p := range params {
					whole := make([]float64, len(p.Grad))
					for j := range p.Grad {
						whole[j] = g * float64(1+j%3)
						p.Grad[j] = 2 * float32(whole[j]) // halved again by scale
					}
					all[k] = append(all[k], whole)
				}
				o.Step(uint64(i+1), 0.05, 0.5)
			}
			for k, p := range params {
				want := reference(name, o.Settings(), Decays(p.Name, p.Dims, s.Decay), start[k], all[k], float64(float32(0.05)))
				for j := range want {
					if !(math.Abs(float64(p.Data[j])-want[j]) <= 4e-6*(1+math.Abs(want[j]))) {
						t.Fatalf("%s %+v: %s[%d] is %g, want %g", name, s, p.Name, j, p.Data[j], want[j])
					}
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

// TestSameBitsOnAnyCores runs every optimiser with all that goes with a step.
func TestSameBitsOnAnyCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, name := range List() {
		var first []float32
		for _, procs := range []int{1, 2, 3, 8} {
			runtime.GOMAXPROCS(procs)
			rows, cols := 3*pieceSize/64+1, 64
			params := []Param{
				{Name: "b", Dims: []int{7}, Data: make([]float32, 7)},
				{Name: "w", Dims: []int{rows, cols}, Data: make([]float32, rows*cols), Units: Units{rows, cols, 1}},
				{Name: "u", Dims: []int{rows, cols}, Data: make([]float32, rows*cols), Units: Units{1, rows, cols}},
			}
			live := make([]Slot, len(params))
			for k := range params {
				p := &params[k]
				p.Grad = make([]float32, len(p.Data))
				for i := range p.Data {
					p.Data[i], p.Grad[i] = float32(i%17)/8-1, float32(i%13)/7-1
				}
				live[k] = Slot{p.Name, p.Data}
			}
			o, _ := New(name, Settings{WeightDecay: 0.1})
			o.Bind(params)
			c, m, a := NewClipper(params, 0.8), NewMaxNorm(params, 4), NewAverage(live, 0.9)
			for i := range 3 {
				_, n := c.Clip()
				o.Step(uint64(i+1), 0.1, ClipScale(n, 1))
				m.Apply()
				a.Update(uint64(i + 1))
			}
			var got []float32
			for k := range params {
				got = append(append(got, params[k].Data...), a.State()[k].Data...)
			}
			if first == nil {
				first = got
			} else if !slices.Equal(first, got) {
				t.Errorf("%s: GOMAXPROCS %d changes the weights", name, procs)
			}
		}
	}
}

// TestAllocatesNothing holds that a step of any optimiser with all that goes
// with it leaves no garbage.
func TestAllocatesNothing(t *testing.T) {
	for _, name := range List() {
		n := 3 * pieceSize
		p := []Param{{Name: "w", Dims: []int{n, 1}, Data: make([]float32, n), Grad: make([]float32, n), Units: Units{1, n / 64, 64}}}
		o, _ := New(name, Settings{})
		o.Bind(p)
		c, m, a := NewClipper(p, 1), NewMaxNorm(p, 1), NewAverage([]Slot{{"w", p[0].Data}}, 0.9)
		if got := testing.AllocsPerRun(20, func() {
			_, norm := c.Clip()
			o.Step(1, 0.1, ClipScale(norm, 1))
			m.Apply()
			a.Update(1)
		}); got > 0 {
			t.Errorf("%s: a step allocates %g times", name, got)
		}
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
		{"linear", Linear(100), map[uint64]float64{0: 1, 25: 0.75, 100: 0, 500: 0}},
		{"poly", Poly(100), map[uint64]float64{0: 1, 50: 0.25, 90: 0.01, 100: 0, 500: 0}},
		{"exponential", Exponential(100), map[uint64]float64{0: 1, 10: 0.5, 50: 1.0 / 32, 100: 1.0 / 1024, 500: 1.0 / 1024}},
		{"one-cycle", OneCycle(1000), map[uint64]float64{0: 0.1, 225: 0.55, 450: 1, 675: 0.55, 900: 0.1, 950: 0.0505, 1000: 0.001, 5000: 0.001}},
		{"warm-up", Warmup(4, Cosine(10, 0)), map[uint64]float64{0: 0.25, 3: 1, 4: 1, 9: 0.5, 14: 0}},
		{"no steps", OneCycle(0), map[uint64]float64{0: 0.001}},
	} {
		for step, want := range c.want {
			if got := c.s(step); !(math.Abs(got-want) <= 1e-12) {
				t.Errorf("%s at %d is %g, want %g", c.name, step, got, want)
			}
		}
	}
}

// TestNamed runs every schedule behind a warm-up: it climbs, never leaves
// [0, 1], and has the steps that the warm-up leaves.
func TestNamed(t *testing.T) {
	for _, name := range Schedules() {
		if ScheduleHelp(name) == "" {
			t.Errorf("%s has no help", name)
		}
		plain, err := Named(name, 90, 0)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Named(name, 100, 10)
		if err != nil {
			t.Fatal(err)
		}
		for step := range uint64(120) {
			v, want := s(step), plain(0)*float64(step+1)/10
			if step >= 10 {
				want = plain(step - 10)
			}
			if !(v >= 0 && v <= 1) || !(math.Abs(v-want) <= 1e-12) {
				t.Errorf("%s at %d is %g, want %g", name, step, v, want)
			}
		}
	}
	if _, err := Named("tuesdays", 10, 0); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "one-cycle") {
		t.Errorf("unknown schedule: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Settings
		text string
	}{
		{"nothing", Settings{}, "adamw"}, {"sgd", Settings{Momentum: 1}, "momentum"}, {"adamw", Settings{Beta2: math.NaN()}, "beta2"},
		{"nesterov", Settings{WeightDecay: -1}, "weight decay"}, {"lion", Settings{EMA: 1}, "ema"}, {"lamb", Settings{MaxNorm: -1}, "max norm"},
		{"adam", Settings{ClipValue: math.Inf(1)}, "clip value"}, {"sgd", Settings{Accumulate: -2}, "accumulate"},
		{"sgd", Settings{Decay: []string{"*.w", "[a"}}, `"[a"`}, {"sgd", Settings{Decay: []string{"!"}}, `"!"`},
	} {
		_, err := New(c.name, c.s)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Usage || !strings.Contains(err.Error(), c.text) {
			t.Errorf("New(%q, %+v) gives %v, want a usage error with %q", c.name, c.s, err, c.text)
		}
	}
}

// TestDiff changes every field of Settings and wants a name for it.
func TestDiff(t *testing.T) {
	if name, _, _ := (Settings{Decay: []string{"a"}}).Diff(Settings{Decay: []string{"a"}}); name != "" {
		t.Errorf("equal settings differ in %q", name)
	}
	for want, s := range map[string]Settings{
		"momentum": {Momentum: 0.5}, "beta1": {Beta1: 0.5}, "beta2": {Beta2: 0.5}, "epsilon": {Epsilon: 0.5}, "weight decay": {WeightDecay: 0.5},
		"decay": {Decay: []string{"a"}}, "clip value": {ClipValue: 0.5}, "clip norm": {ClipNorm: 0.5}, "max norm": {MaxNorm: 0.5},
		"ema": {EMA: 0.5}, "accumulate": {Accumulate: 2},
	} {
		if got, _, _ := s.Diff(Settings{}); got != want {
			t.Errorf("%+v differs in %q, want %q", s, got, want)
		}
	}
}
