package loss

import (
	"math"

	"github.com/kdonnx/kdonnx/dataset"
)

// Mixer mixes what a teacher said of two rows into the target of their
// mixture. It keeps scratch memory: it is not safe for concurrent use, and
// allocates only when the number of classes grows.
//
// Mixup (Zhang et al. 2018, arXiv 1710.09412) mixes target
// distributions, and a student at temperature T is held against softmax(v/T):
// so it is these that are mixed,
//
//	p = λ·softmax(v/T) + (1−λ)·softmax(w/T),   logits T·log p
//
// and not the logits, whose mean is the normalised geometric mean of the two
// distributions: of two sure answers for two classes it makes whatever the
// logits' scales give, not λ and 1−λ. Cross-entropy being linear in its target,
// the soft loss of p is λ times that of v plus 1−λ times that of w.
//
// Of labels that are yes or no it is each of these distributions that is
// mixed, and numbers are mixed as they are.
//
// It stands for asking the teacher about the mixed row itself, which a store
// of answers cannot; Beyer et al. 2022 (arXiv 2106.05237) found
// students of a teacher that sees the same mixture to end better.
type Mixer struct {
	task dataset.Task
	t    float64
	p, q distribution
}

// NewMixer makes a Mixer for the temperature T of a loss of the task.
func NewMixer(task dataset.Task, temperature float64) (*Mixer, error) {
	if !(temperature >= MinTemperature && temperature <= MaxTemperature) {
		return nil, usage("--temperature", temperature, "a number in [0.01, 1000]")
	}
	return &Mixer{task: task, t: temperature}, nil
}

// SetTemperature changes T from the next Mix on, as that of the loss changes.
func (m *Mixer) SetTemperature(t float64) { m.t = t }

// Mix overwrites v, one row of logits or numbers, with those of its mixture
// with w, share being λ in [0, 1].
func (m *Mixer) Mix(v, w []float32, share float32) {
	switch m.task {
	case dataset.Regression:
		m.MixValues(v, w, share)
	case dataset.MultiLabel:
		for i := range v {
			a, b := [2]float32{v[i]}, [2]float32{w[i]} // of yes, and of no a logit of 0
			m.mix(a[:], b[:], share)
			v[i] = a[0] - a[1]
		}
	default:
		m.mix(v, w, share)
	}
}

// MixValues overwrites the labels or numbers v with λ·v + (1−λ)·w: what a
// mixture's are. One that is not known makes the mixture's unknown, unless it
// has no part in it.
func (m *Mixer) MixValues(v, w []float32, share float32) {
	for i := range v {
		switch share {
		case 0:
			v[i] = w[i]
		case 1:
		default:
			v[i] = float32(share*v[i]) + float32((1-share)*w[i])
		}
	}
}

// mix is Mix of the logits of classes.
func (m *Mixer) mix(v, w []float32, share float32) {
	m.p.set(v, m.t)
	m.q.set(w, m.t)
	a, b := math.Log(float64(share)), math.Log(1-float64(share))
	for i := range v {
		v[i] = float32(m.t * logAddExp(a+m.p.logp[i], b+m.q.logp[i]))
	}
}

// logAddExp is log(exp(a) + exp(b)).
func logAddExp(a, b float64) float64 {
	hi, lo := max(a, b), min(a, b)
	if math.IsInf(hi, -1) {
		return hi
	}
	return hi + math.Log1p(exp(lo-hi))
}
