package optim

import "github.com/kdonnx/kdonnx/student/kernel"

func init() {
	register("sgd", "stochastic gradient descent with momentum", func(s Settings) Optimizer { return newSGD("sgd", s, false) })
}

// sgd is gradient descent with momentum:
//
//	g ← ∇ + wd·w,  v ← momentum·v + g,  w ← w − lr·v
//
// and for Nesterov's variant (Sutskever et al. 2013) w ← w − lr·(g + momentum·v).
type sgd struct {
	loop
	name      string
	settings  Settings
	nesterov  bool
	velocity  []Slot
	lr, scale float32
}

func newSGD(name string, s Settings, nesterov bool) *sgd {
	s.Momentum = def(s.Momentum, 0.9)
	o := &sgd{name: name, settings: s, nesterov: nesterov}
	o.piece = o.update
	return o
}

func (o *sgd) Name() string       { return o.name }
func (o *sgd) Settings() Settings { return o.settings }
func (o *sgd) State() []Slot      { return o.velocity }

func (o *sgd) Bind(params []Param) {
	o.params, o.velocity = params, nil
	if o.settings.Momentum > 0 {
		o.velocity = slots(params, "velocity")
	}
}

func (o *sgd) Step(_ uint64, lr, scale float32) {
	o.lr, o.scale = lr, scale
	o.run()
}

func (o *sgd) update(lo, hi int) {
	p := o.params[o.i]
	w, grad := p.Data[lo:hi], p.Grad[lo:hi]
	if o.scale != 1 {
		kernel.Scale(o.scale, grad)
	}
	var decay float32
	if p.decays() {
		decay = float32(o.settings.WeightDecay)
	}
	if o.velocity != nil {
		kernel.SGDMomentum(w, grad, o.velocity[o.i].Data[lo:hi], o.lr, float32(o.settings.Momentum), decay, o.nesterov)
		return
	}
	for i, g := range grad {
		w[i] -= float32(o.lr * (g + float32(decay*w[i])))
	}
}
