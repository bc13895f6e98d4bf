// Package optim holds the optimisers that train a student, the schedules of
// their learning rate and gradient clipping.
//
// # Invariants
//
// An update is a function of weights, gradients, state, step number and
// learning rate alone, value by value, so its bits do not depend on
// GOMAXPROCS. Everything an optimiser remembers is in the slices of State.
package optim

import (
	"math"
	"sort"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student/kernel"
)

// Settings of an optimiser. The zero value of each field gives the default.
type Settings struct {
	Momentum    float64 // sgd, nesterov: velocity kept a step; 0 means 0.9, negative none
	Beta1       float64 // adamw: defaults to 0.9
	Beta2       float64 // adamw: defaults to 0.999
	Epsilon     float64 // adamw: defaults to 1e-8
	WeightDecay float64 // decay of parameters of rank 2 or more; defaults to 0
	ClipNorm    float64 // largest global norm of the gradient; 0: no limit
}

// Param is one parameter with its gradient, both live slices.
type Param struct {
	Name string
	Dims []int
	Data []float32
	Grad []float32
}

// decays tells whether weight decay acts on p: biases and the scales of
// normalisations, which have one axis, are left alone.
func (p Param) decays() bool { return len(p.Dims) > 1 }

// Slot is a named slice of an optimiser's state, live.
type Slot struct {
	Name string
	Data []float32
}

// Optimizer changes parameters by their gradients.
type Optimizer interface {
	// Name is what New knows it by.
	Name() string
	// Settings are those it was made with, defaults filled in.
	Settings() Settings
	// Bind allocates the state for params, in their order, all zero.
	Bind(params []Param)
	// Step updates the parameters; step counts from 1, scale multiplies the
	// gradients, in place.
	Step(step uint64, lr, scale float32)
	// State lists what is to be saved; writing its slices restores it.
	State() []Slot
}

type maker struct {
	help string
	make func(Settings) Optimizer
}

var makers = map[string]maker{}

func register(name, help string, f func(Settings) Optimizer) { makers[name] = maker{help, f} }

// List gives the names of the optimisers in alphabetical order.
func List() []string {
	names := make([]string, 0, len(makers))
	for name := range makers {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Help says in one line what the optimiser of that name does.
func Help(name string) string { return makers[name].help }

// New makes the optimiser of that name.
func New(name string, s Settings) (Optimizer, error) {
	m, ok := makers[name]
	if !ok {
		return nil, fault.New(fault.Usage, "", "optimizer", "is %q, expected one of %s", name, strings.Join(List(), ", "))
	}
	for _, f := range []struct {
		name    string
		v       float64
		lo, hi  float64
		openTop bool
	}{
		{"momentum", s.Momentum, math.Inf(-1), 1, true},
		{"beta1", s.Beta1, 0, 1, true},
		{"beta2", s.Beta2, 0, 1, true},
		{"epsilon", s.Epsilon, 0, 1, false},
		{"weight decay", s.WeightDecay, 0, 1e6, false},
		{"clip norm", s.ClipNorm, 0, 1e18, false},
	} {
		if !(f.v >= f.lo && f.v <= f.hi) || f.openTop && f.v == f.hi || math.IsInf(f.v, 0) {
			return nil, fault.New(fault.Usage, "", "optimizer "+f.name, "is %g, expected at least %g and at most %g", f.v, max(f.lo, -1), f.hi)
		}
	}
	return m.make(s), nil
}

func def(v, d float64) float64 {
	if v == 0 {
		return d
	}
	return v
}

// GlobalNorm is √Σg² over all gradients, in float64 and in order. It is NaN or
// Inf when any gradient is.
func GlobalNorm(params []Param) float64 {
	sum := 0.0
	for _, p := range params {
		sum += kernel.SumSquares(p.Grad)
	}
	return math.Sqrt(sum)
}

// ClipScale is the factor that brings a gradient of the given global norm to
// at most limit (Pascanu et al. 2013, arXiv 1211.5063); a limit of 0 is none.
func ClipScale(norm, limit float64) float32 {
	if limit <= 0 || norm <= limit {
		return 1
	}
	return float32(limit / norm)
}

// updateGrain is the number of values of one piece of an update.
const updateGrain = 16384

// loop runs an update over all parameters, in pieces on all cores.
type loop struct {
	params []Param
	i      int
	piece  func(lo, hi int)
}

func (l *loop) run() {
	for l.i = range l.params {
		kernel.Parallel(len(l.params[l.i].Data), updateGrain, l.piece)
	}
}

// slots names one state slice a parameter "name/kind" and allocates it.
func slots(params []Param, kind string) []Slot {
	out := make([]Slot, len(params))
	for i, p := range params {
		out[i] = Slot{p.Name + "/" + kind, make([]float32, len(p.Data))}
	}
	return out
}
