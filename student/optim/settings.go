package optim

import (
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Settings of an optimiser and of the steps around it. The zero value of each
// field gives the default.
type Settings struct {
	Momentum    float64  // sgd, nesterov: velocity kept a step; 0 means 0.9, negative none
	Beta1       float64  // adam, adamw, lamb, lion: defaults to 0.9
	Beta2       float64  // adam, adamw, lamb: defaults to 0.999; lion: to 0.99
	Epsilon     float64  // adam, adamw: defaults to 1e-8; lamb: to 1e-6
	WeightDecay float64  // of the parameters that Decay chooses; defaults to 0
	Decay       []string // patterns of parameters that decay, see Decays; nil: those of rank 2 or more

	ClipValue  float64 // largest magnitude of a value of the gradient; 0: no limit
	ClipNorm   float64 // largest global norm of the gradient, after ClipValue; 0: no limit
	MaxNorm    float64 // largest norm of a unit's incoming weights, see MaxNorm; 0: no limit
	EMA        float64 // decay of the moving average of the weights, see Average; 0: none
	Accumulate int     // micro-batches that a step is cut into; 0 and 1: none
}

// setting is one number of Settings with its range.
type setting struct {
	name   string
	value  float64
	lo, hi float64
	open   bool // hi is outside the range
}

func (s Settings) numbers() []setting {
	return []setting{
		{"momentum", s.Momentum, math.Inf(-1), 1, true},
		{"beta1", s.Beta1, 0, 1, true},
		{"beta2", s.Beta2, 0, 1, true},
		{"epsilon", s.Epsilon, 0, 1, false},
		{"weight decay", s.WeightDecay, 0, 1e6, false},
		{"clip value", s.ClipValue, 0, 1e18, false},
		{"clip norm", s.ClipNorm, 0, 1e18, false},
		{"max norm", s.MaxNorm, 0, 1e18, false},
		{"ema", s.EMA, 0, 1, true},
		{"accumulate", float64(s.Accumulate), 0, 1 << 16, false},
	}
}

// check refuses a number outside its range and a pattern that is none.
func (s Settings) check() error {
	for _, f := range s.numbers() {
		if !(f.value >= f.lo && f.value <= f.hi) || f.open && f.value == f.hi || math.IsInf(f.value, 0) {
			below := "at most"
			if f.open {
				below = "below"
			}
			return fault.New(fault.Usage, "", "optimizer "+f.name, "is %g, expected at least %g and %s %g", f.value, max(f.lo, -1), below, f.hi)
		}
	}
	return CheckPatterns("optimizer decay", s.Decay)
}

// Diff names the first setting in which s and o differ, with both values; ""
// when there is none.
func (s Settings) Diff(o Settings) (name string, mine, other any) {
	theirs := o.numbers()
	for i, f := range s.numbers() {
		if f.value != theirs[i].value {
			return f.name, f.value, theirs[i].value
		}
	}
	if !slices.Equal(s.Decay, o.Decay) {
		return "decay", s.Decay, o.Decay
	}
	return "", nil, nil
}

func def(v, d float64) float64 {
	if v == 0 {
		return d
	}
	return v
}
