package fuse

import "math"

const (
	descentSteps = 20_000
	decrease     = 1e-4 // part of the decrease that the slope promises which a step must bring
)

// descent is the memory of descend.
type descent struct {
	z, grad, to, was []float64 // (groups)
}

// descend is the paper's way: gradient descent on logits z, q = softmax(z), from
// EM's start. The derivative of F by z_g is
//
//	N·q_g − (a_g + q_g·s_g),
//
// N times how far EM's update would move q. The length of a step is that of
// Barzilai and Borwein (1988), halved until F falls enough (Armijo 1966): a fixed
// one would crawl where classes have little mass. The first, 2/N, is the inverse
// of a bound on the curvature.
func (p *problem) descend() Result {
	d := &p.descent
	for g := range p.groups {
		d.z[g] = math.Log(p.q[g])
	}
	residual, off := p.look()
	f, length := p.objective(), 2/p.total
	slope := p.gradient(d.grad)
	for step := range descentSteps {
		if off <= 1 {
			return Result{residual, step}
		}
		copy(d.was, d.grad)
		for {
			for g := range p.groups {
				d.to[g] = d.z[g] - length*d.grad[g]
			}
			p.softmax(d.to)
			if now := p.objective(); now <= f-decrease*length*slope+Rounding*(1+math.Abs(f)) {
				f = now
				break
			}
			length /= 2
		}
		residual, off = p.look()
		slope = p.gradient(d.grad)
		var ss, sy float64
		for g := range p.groups {
			if p.q[g] == 0 {
				continue
			}
			dz := d.to[g] - d.z[g]
			ss += dz * dz
			sy += dz * (d.grad[g] - d.was[g])
		}
		d.z, d.to = d.to, d.z
		if length = 2 / p.total; sy > 0 {
			length = max(length, ss/sy)
		}
	}
	return Result{residual, descentSteps}
}

// gradient puts the derivative of F by the logits into grad, from what look
// left, and gives its squared length.
func (p *problem) gradient(grad []float64) (square float64) {
	for g := range p.groups {
		grad[g] = p.q[g] * (p.total - p.ratio[g])
		square += grad[g] * grad[g]
	}
	return square
}

// softmax puts the distribution of logits z into q.
func (p *problem) softmax(z []float64) {
	most, sum := math.Inf(-1), 0.0
	for _, v := range z[:p.groups] {
		most = max(most, v)
	}
	for g, v := range z[:p.groups] {
		p.q[g] = math.Exp(v - most)
		sum += p.q[g]
	}
	for g := range p.groups {
		p.q[g] /= sum
	}
}
