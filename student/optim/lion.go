package optim

import "github.com/kdonnx/kdonnx/student/kernel"

func init() {
	register("lion", "Lion: the sign of an interpolated momentum; wants a tenth of AdamW's rate", func(s Settings) Optimizer { return newLion(s) })
}

// lion is Lion (Chen et al. 2023, arXiv 2302.06675, algorithm 2):
//
//	c = β₁·m + (1−β₁)·∇,  w ← w − lr·(sign(c) + wd·w),  m ← β₂·m + (1−β₂)·∇
type lion struct {
	base
	m   []Slot
	now kernel.LionStep
}

func newLion(s Settings) *lion {
	s.Beta1, s.Beta2 = def(s.Beta1, 0.9), def(s.Beta2, 0.99)
	return &lion{base: base{name: "lion", settings: s}, now: kernel.LionStep{Beta1: float32(s.Beta1), Beta2: float32(s.Beta2)}}
}

func (o *lion) State() []Slot { return o.m }

func (o *lion) Bind(params []Param) {
	o.bind(params, o.update)
	o.m = slots(params, "m")
}

func (o *lion) Step(_ uint64, lr, scale float32) {
	o.now.LR, o.now.Grad = lr, scale
	o.each()
}

func (o *lion) update(i int) {
	w, g, at, decays := o.at(i)
	now := o.now
	now.Decay = 1
	if decays {
		now.Decay = float32(1 - float64(float64(now.LR)*o.settings.WeightDecay))
	}
	kernel.Lion(w, g, at.of(o.m), now)
}
