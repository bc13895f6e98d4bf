package optim

import (
	"math"

	"github.com/kdonnx/kdonnx/student/kernel"
)

func init() {
	register("lamb", "LAMB: Adam with a trust ratio a layer, for large batches", func(s Settings) Optimizer { return newLamb(s) })
}

// lamb is LAMB (You et al. 2020, arXiv 1904.00962, algorithm 2) with φ(z) = z,
// for each parameter w at step t:
//
//	m ← β₁·m + (1−β₁)·∇,  v ← β₂·v + (1−β₂)·∇²
//	u = (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε) + wd·w
//	w ← w − lr·(‖w‖/‖u‖)·u
//
// The ratio is 1 where a norm is 0 and, as in the authors' code, for
// parameters that do not decay: biases, which begin at 0, would hardly move.
type lamb struct {
	base
	m, v   []Slot
	now    kernel.AdamStep
	wsq    []float64 // by span: Σw² before the update
	usq    []float64 // by span: Σu²
	factor []float32 // by parameter: −lr·‖w‖/‖u‖
	move   *pieces
}

func newLamb(s Settings) *lamb {
	s.Beta1, s.Beta2, s.Epsilon = def(s.Beta1, 0.9), def(s.Beta2, 0.999), def(s.Epsilon, 1e-6)
	return &lamb{base: base{name: "lamb", settings: s}}
}

func (o *lamb) State() []Slot { return append(append([]Slot{}, o.m...), o.v...) }

func (o *lamb) Bind(params []Param) {
	o.bind(params, o.direct)
	o.m, o.v = slots(params, "m"), slots(params, "v")
	o.wsq, o.usq = make([]float64, len(o.spans)), make([]float64, len(o.spans))
	o.factor = make([]float32, len(params))
	o.move = newPieces(sizesOf(params), o.apply)
}

func (o *lamb) Step(step uint64, lr, scale float32) {
	s := o.settings
	o.now = kernel.NewAdamStep(1, s.Beta1, s.Beta2, s.Epsilon, 0, int(step))
	o.now.Grad = scale
	o.each()
	o.trust(float64(lr))
	o.move.each()
}

// direct leaves u in the gradient.
func (o *lamb) direct(i int) {
	w, g, at, decays := o.at(i)
	var wd float32
	if decays {
		wd = float32(o.settings.WeightDecay)
	}
	kernel.Lamb(w, g, at.of(o.m), at.of(o.v), wd, o.now)
	if decays {
		o.wsq[i], o.usq[i] = kernel.SumSquares(w), kernel.SumSquares(g)
	}
}

// trust sets factor from the sums of the spans.
func (o *lamb) trust(lr float64) {
	for i := 0; i < len(o.spans); {
		param := o.spans[i].param
		wsq, usq := 0.0, 0.0
		for ; i < len(o.spans) && o.spans[i].param == param; i++ {
			wsq += o.wsq[i]
			usq += o.usq[i]
		}
		ratio := 1.0
		if o.decays[param] && wsq > 0 && usq > 0 {
			ratio = math.Sqrt(wsq) / math.Sqrt(usq)
		}
		o.factor[param] = float32(-lr * ratio)
	}
}

func (o *lamb) apply(i int) {
	w, u, at, _ := o.at(i)
	kernel.Axpy(o.factor[at.param], u, w)
}
