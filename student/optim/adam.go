package optim

import "github.com/kdonnx/kdonnx/student/kernel"

func init() {
	register("adam", "Adam, weight decay as part of the gradient", func(s Settings) Optimizer { return newAdam("adam", s, false) })
}

// adam is Adam (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1), at step t:
//
//	d ← ∇ + wd·w,  m ← β₁·m + (1−β₁)·d,  v ← β₂·v + (1−β₂)·d²
//	w ← w − lr·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)
type adam struct {
	base
	decoupled bool // as adamw
	m, v      []Slot
	now       kernel.AdamStep // of parameters that decay
	plain     kernel.AdamStep // of the others
}

func newAdam(name string, s Settings, decoupled bool) *adam {
	s.Beta1, s.Beta2, s.Epsilon = def(s.Beta1, 0.9), def(s.Beta2, 0.999), def(s.Epsilon, 1e-8)
	return &adam{base: base{name: name, settings: s}, decoupled: decoupled}
}

func (o *adam) State() []Slot { return append(append([]Slot{}, o.m...), o.v...) }

func (o *adam) Bind(params []Param) {
	o.bind(params, o.update)
	o.m, o.v = slots(params, "m"), slots(params, "v")
}

func (o *adam) Step(step uint64, lr, scale float32) {
	s := o.settings
	o.plain = kernel.NewAdamStep(float64(lr), s.Beta1, s.Beta2, s.Epsilon, 0, int(step))
	o.plain.Grad = scale
	o.now = o.plain
	if o.decoupled {
		o.now.Decay = float32(1 - float64(float64(lr)*s.WeightDecay))
	} else {
		o.now.L2 = float32(s.WeightDecay)
	}
	o.each()
}

func (o *adam) update(i int) {
	w, g, at, decays := o.at(i)
	now := o.plain
	if decays {
		now = o.now
	}
	kernel.Adam(w, g, at.of(o.m), at.of(o.v), now)
}
