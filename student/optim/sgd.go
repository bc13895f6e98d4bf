package optim

import "github.com/kdonnx/kdonnx/student/kernel"

func init() {
	register("sgd", "stochastic gradient descent with momentum", func(s Settings) Optimizer { return newSGD("sgd", s, false) })
}

// sgd is gradient descent with momentum, undampened:
//
//	d ← ∇ + wd·w,  v ← momentum·v + d,  w ← w − lr·v
type sgd struct {
	base
	velocity []Slot // none without momentum
	now      kernel.SGDStep
}

func newSGD(name string, s Settings, nesterov bool) *sgd {
	s.Momentum = def(s.Momentum, 0.9)
	return &sgd{base: base{name: name, settings: s}, now: kernel.SGDStep{Momentum: float32(s.Momentum), Nesterov: nesterov}}
}

func (o *sgd) State() []Slot { return o.velocity }

func (o *sgd) Bind(params []Param) {
	o.bind(params, o.update)
	o.velocity = nil
	if o.settings.Momentum > 0 {
		o.velocity = slots(params, "velocity")
	}
}

func (o *sgd) Step(_ uint64, lr, scale float32) {
	o.now.LR, o.now.Grad = lr, scale
	o.each()
}

func (o *sgd) update(i int) {
	w, g, at, decays := o.at(i)
	now := o.now
	if decays {
		now.Decay = float32(o.settings.WeightDecay)
	}
	if o.velocity == nil {
		kernel.SGD(w, g, now)
		return
	}
	kernel.SGDMomentum(w, g, at.of(o.velocity), now)
}
