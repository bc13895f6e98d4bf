package fuse

import "math"

// emSteps bounds the steps of EM before Newton's method goes on.
const emSteps = 64

// solve leaves the masses of the groups in q.
func (p *problem) solve(method Method) Result {
	p.start()
	if method == Descent {
		return p.descend()
	}
	r, off := p.em()
	if off > 1 {
		r = p.finish(r, off)
	}
	return r
}

// start is EM's first step, from the uniform distribution. It gives a mass to
// every group of which somebody says something, be it by a dustbin only; a
// group that gets none has none at the minimum.
func (p *problem) start() {
	classes := 0
	for _, n := range p.size[:p.groups] {
		classes += n
	}
	for g := range p.groups {
		p.q[g] = float64(p.size[g]) / float64(classes)
	}
	p.look()
	p.step()
}

// em iterates the update of expectation-maximisation for a coarsened
// multinomial,
//
//	q_k ← (a_k + q_k·s_k) / N,
//
// which shares out each dustbin's mass among its classes as q would. F never
// rises, and Q_m stays at least p^m_d/N, so that no quotient overflows. Its
// error falls by a factor of up to 1 − min_k a_k/(N·q_k) a step, which is slow
// where a generalist that is sure stands against the dustbins of several
// specialists that overlap.
func (p *problem) em() (r Result, off float64) {
	for steps := 0; ; steps++ {
		residual, off := p.look()
		if off <= 1 || steps == emSteps {
			return Result{residual, steps}, off
		}
		p.step()
	}
}

// look puts p_d/Q_m into r and a/q + s into ratio. It gives the KKT residual of q,
// and how far q is off where a method is done, which it is at 1 or less. A group of
// which nothing is said may have a/q + s anywhere below N.
func (p *problem) look() (residual, off float64) {
	r := p.r[:p.live]
	clear(r)
	for g := range p.groups {
		q := p.q[g]
		for m, out := range p.row(g)[:len(r)] {
			r[m] += out * q
		}
	}
	for m := range r {
		r[m] = p.p[m] / r[m]
	}
	for g := range p.groups {
		s := 0.0
		for m, out := range p.row(g)[:len(r)] {
			s += out * r[m]
		}
		bound := Tolerance
		if p.a[g] > 0 {
			said := p.a[g] / p.q[g]
			s += said
			bound = min(Tolerance, Closeness*said+Rounding)
		}
		p.ratio[g] = s
		s -= p.total
		residual = max(residual, s)
		if p.a[g] >= leastMass {
			s = math.Abs(s)
		}
		off = max(off, s/bound)
	}
	return residual, off
}

// step is one of EM, from what look left.
func (p *problem) step() {
	sum := 0.0
	for g := range p.groups {
		p.q[g] *= p.ratio[g]
		sum += p.q[g]
	}
	for g := range p.groups {
		p.q[g] /= sum // N, but for rounding
	}
}

// objective is F at q but for what does not depend on q.
func (p *problem) objective() float64 {
	var f float64
	for g := range p.groups {
		if p.a[g] > 0 {
			f -= p.a[g] * math.Log(p.q[g])
		}
	}
	for m := range p.live {
		mass := 0.0
		for g := range p.groups {
			mass += p.row(g)[m] * p.q[g]
		}
		f -= p.p[m] * math.Log(mass)
	}
	return f
}
