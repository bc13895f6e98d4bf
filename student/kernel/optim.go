package kernel

import "math"

// The passes of this file read each weight, gradient and state value once. As
// the loops of vector.go they multiply and add apart. Every one takes the
// gradient times a factor, the clipping of its global norm.

// SGDStep is what a step of gradient descent needs.
type SGDStep struct {
	Grad     float32 // factor of the gradient, 1 for none
	LR       float32
	Momentum float32
	Decay    float32 // weight decay, as the gradient of Decay/2·w²
	Nesterov bool
}

// SGD is w −= LR·d with d = Grad·g + Decay·w.
func SGD(w, g []float32, s SGDStep) {
	g = g[:len(w)]
	n := whole(len(w))
	if n > 0 {
		sgdAVX2(w[:n], g[:n], s.Grad, s.LR, s.Decay)
	}
	sgd(w[n:], g[n:], s)
}

func sgd(w, g []float32, s SGDStep) {
	g = g[:len(w)]
	for i, x := range w {
		d := float32(g[i]*s.Grad) + float32(x*s.Decay)
		w[i] = x - float32(d*s.LR)
	}
}

// SGDMomentum is v = Momentum·v + d, w −= LR·v with d = Grad·g + Decay·w, or
// with Nesterov's momentum w −= LR·(d + Momentum·v) (Sutskever et al. 2013).
func SGDMomentum(w, g, v []float32, s SGDStep) {
	g, v = g[:len(w)], v[:len(w)]
	n := whole(len(w))
	switch {
	case n > 0 && s.Nesterov:
		nesterovAVX2(w[:n], g[:n], v[:n], s.Grad, s.LR, s.Momentum, s.Decay)
	case n > 0:
		momentumAVX2(w[:n], g[:n], v[:n], s.Grad, s.LR, s.Momentum, s.Decay)
	}
	momentum(w[n:], g[n:], v[n:], s)
}

func momentum(w, g, v []float32, s SGDStep) {
	g, v = g[:len(w)], v[:len(w)]
	for i, x := range w {
		d := float32(g[i]*s.Grad) + float32(x*s.Decay)
		u := float32(v[i]*s.Momentum) + d
		v[i] = u
		if s.Nesterov {
			u = float32(u*s.Momentum) + d
		}
		w[i] = x - float32(u*s.LR)
	}
}

// AdamStep is what Adam and Lamb need of one step. With the step count t from
// 1: Step = lr/(1−Beta1^t), Scale = 1/(1−Beta2^t).
type AdamStep struct {
	Grad         float32 // factor of the gradient, 1 for none
	L2           float32 // weight decay that is part of the gradient
	Beta1, Beta2 float32
	Eps          float32
	Step         float32 // learning rate with the bias correction of m
	Scale        float32 // bias correction of v
	Decay        float32 // factor of the weight: decoupled weight decay, 1 for none
}

// NewAdamStep gives the constants of step t ≥ 1, with decoupled weight decay
// wd: Decay = 1 − lr·wd.
func NewAdamStep(lr, beta1, beta2, eps, wd float64, t int) AdamStep {
	return AdamStep{
		Grad: 1, Beta1: float32(beta1), Beta2: float32(beta2), Eps: float32(eps),
		Step:  float32(lr / (1 - math.Pow(beta1, float64(t)))),
		Scale: float32(1 / (1 - math.Pow(beta2, float64(t)))),
		Decay: float32(1 - float64(lr*wd)),
	}
}

// Adam is one step of Adam (Kingma and Ba 2015, arXiv 1412.6980), or of AdamW
// (Loshchilov and Hutter 2019, arXiv 1711.05101): with d = Grad·g + L2·w
//
//	m = β1·m + (1−β1)·d,  v = β2·v + (1−β2)·d²
//	w = Decay·w − Step·m/(√(v·Scale) + Eps)
func Adam(w, g, m, v []float32, s AdamStep) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	n := whole(len(w))
	if n > 0 {
		adamAVX2(w[:n], g[:n], m[:n], v[:n], s.Grad, s.L2, s.Beta1, 1-s.Beta1, s.Beta2, 1-s.Beta2, s.Scale, s.Eps, s.Step, s.Decay)
	}
	adam(w[n:], g[n:], m[n:], v[n:], s)
}

func adam(w, g, m, v []float32, s AdamStep) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i, x := range w {
		d := float32(g[i]*s.Grad) + float32(x*s.L2)
		w[i] = float32(x*s.Decay) - moments(&m[i], &v[i], d, &s)
	}
}

// moments is step·m/(√(v·scale) + eps) with the new m and v.
func moments(m, v *float32, d float32, s *AdamStep) float32 {
	*m = float32(*m*s.Beta1) + float32(d*(1-s.Beta1))
	*v = float32(*v*s.Beta2) + float32(float32(d*d)*(1-s.Beta2))
	root := float32(math.Sqrt(float64(float32(*v * s.Scale))))
	return float32(*m*s.Step) / (root + s.Eps)
}

// Lamb does the part of LAMB before its trust ratio (You et al. 2020, arXiv
// 1904.00962): m and v as Adam with d = Grad·g, and it leaves the direction
// g = Step·m/(√(v·Scale) + Eps) + wd·w in the gradient. Step is without the
// learning rate.
func Lamb(w, g, m, v []float32, wd float32, s AdamStep) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	n := whole(len(w))
	if n > 0 {
		lambAVX2(w[:n], g[:n], m[:n], v[:n], s.Grad, s.Beta1, 1-s.Beta1, s.Beta2, 1-s.Beta2, s.Scale, s.Eps, s.Step, wd)
	}
	lamb(w[n:], g[n:], m[n:], v[n:], wd, s)
}

func lamb(w, g, m, v []float32, wd float32, s AdamStep) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i, x := range w {
		g[i] = moments(&m[i], &v[i], float32(g[i]*s.Grad), &s) + float32(x*wd)
	}
}

// LionStep is what Lion needs of one step.
type LionStep struct {
	Grad         float32 // factor of the gradient, 1 for none
	Beta1, Beta2 float32
	LR           float32 // not negative
	Decay        float32 // factor of the weight, 1 − lr·wd
}

// Lion is one step of Lion (Chen et al. 2023, arXiv 2302.06675): with
// d = Grad·g and c = β1·m + (1−β1)·d
//
//	w = Decay·w − LR·sign(c),  m = β2·m + (1−β2)·d
func Lion(w, g, m []float32, s LionStep) {
	g, m = g[:len(w)], m[:len(w)]
	n := whole(len(w))
	if n > 0 {
		lionAVX2(w[:n], g[:n], m[:n], s.Grad, s.Beta1, 1-s.Beta1, s.Beta2, 1-s.Beta2, s.LR, s.Decay, float32(math.Copysign(0, -1)))
	}
	lion(w[n:], g[n:], m[n:], s)
}

func lion(w, g, m []float32, s LionStep) {
	g, m = g[:len(w)], m[:len(w)]
	const minus = 1 << 31
	for i, x := range w {
		d := float32(g[i] * s.Grad)
		c := float32(m[i]*s.Beta1) + float32(d*(1-s.Beta1))
		m[i] = float32(m[i]*s.Beta2) + float32(d*(1-s.Beta2))
		var move float32
		if c != 0 {
			move = math.Float32frombits(math.Float32bits(c)&minus | math.Float32bits(s.LR))
		}
		w[i] = float32(x*s.Decay) - move
	}
}

// Lerp is dst += rate·(src − dst).
func Lerp(dst, src []float32, rate float32) {
	src = src[:len(dst)]
	n := whole(len(dst))
	if n > 0 {
		lerpAVX2(dst[:n], src[:n], rate)
	}
	lerp(dst[n:], src[n:], rate)
}

func lerp(dst, src []float32, rate float32) {
	src = src[:len(dst)]
	for i, x := range dst {
		dst[i] = x + float32((src[i]-x)*rate)
	}
}

// Clamp brings every x into [−limit, limit], and NaN to −limit.
func Clamp(x []float32, limit float32) {
	n := whole(len(x))
	if n > 0 {
		clampAVX2(x[:n], -limit, limit)
	}
	clampValues(x[n:], -limit, limit)
}

func clampValues(x []float32, low, high float32) {
	for i, v := range x {
		if !(v < high) {
			v = high
		}
		if !(v > low) {
			v = low
		}
		x[i] = v
	}
}
