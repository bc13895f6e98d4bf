package optim

import "github.com/kdonnx/kdonnx/student/kernel"

func init() {
	register("adamw", "Adam with decoupled weight decay", func(s Settings) Optimizer { return newAdamW(s) })
}

// adamw is Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv
// 1711.05101, algorithm 2), at step t:
//
//	m ← β₁·m + (1−β₁)·g,  v ← β₂·v + (1−β₂)·g²
//	w ← w − lr·( (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε) + wd·w )
type adamw struct {
	loop
	settings    Settings
	m, v        []Slot
	scale       float32
	step, plain kernel.AdamStep // with weight decay and without
}

func newAdamW(s Settings) *adamw {
	s.Beta1, s.Beta2, s.Epsilon = def(s.Beta1, 0.9), def(s.Beta2, 0.999), def(s.Epsilon, 1e-8)
	o := &adamw{settings: s}
	o.piece = o.update
	return o
}

func (o *adamw) Name() string       { return "adamw" }
func (o *adamw) Settings() Settings { return o.settings }
func (o *adamw) State() []Slot      { return append(append([]Slot{}, o.m...), o.v...) }

func (o *adamw) Bind(params []Param) {
	o.params, o.m, o.v = params, slots(params, "m"), slots(params, "v")
}

func (o *adamw) Step(step uint64, lr, scale float32) {
	s := o.settings
	o.scale = scale
	o.step = kernel.NewAdamStep(float64(lr), s.Beta1, s.Beta2, s.Epsilon, s.WeightDecay, int(step))
	o.plain = o.step
	o.plain.Decay = 1
	o.run()
}

func (o *adamw) update(lo, hi int) {
	p := o.params[o.i]
	grad := p.Grad[lo:hi]
	if o.scale != 1 {
		kernel.Scale(o.scale, grad)
	}
	step := o.plain
	if p.decays() {
		step = o.step
	}
	kernel.Adam(p.Data[lo:hi], grad, o.m[o.i].Data[lo:hi], o.v[o.i].Data[lo:hi], step)
}
