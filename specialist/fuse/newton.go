package fuse

import "math"

const (
	newtonSteps = 60
	inside      = 0.99  // part of the way to the border that a step may go
	leastMass   = 1e-15 // stands for a = 0, so that no product vanishes
)

// newton is the memory of finish.
type newton struct {
	w, dw, dq, best []float64 // (groups)
	r, dr           []float64 // (live)
	k               []float64 // (live, live)
}

// finish goes on from where EM stands by Newton's method on the KKT conditions
// written as products, in q and r together, with w_g = N − Σ_m D_gm r_m, where
// D_gm is 1 if dustbin m holds group g:
//
//	q_g · w_g = a_g of every group,   r_m · Q_m = p^m_d of every dustbin.
//
// These are the equations of a primal-dual interior-point method (Wright 1997,
// chapter 1) with a_g in the place of the barrier's weight, so that groups of
// which next to nothing is said cost no more steps than others. A step solves one
// symmetric positive definite system,
//
//	Σ_n (Σ_g D_gm D_gn q_g/w_g + [m=n] Q_m/r_m) dr_n = p^m_d/r_m − Σ_g D_gm a_g/w_g.
//
// The answer is the iterate that is least off, EM's included.
func (p *problem) finish(r Result, off float64) Result {
	best := p.newton.best[:p.groups]
	copy(best, p.q)
	p.begin()
	steps := r.Steps
	for range newtonSteps {
		p.advance()
		steps++
		residual, now := p.look()
		if now < off {
			off, r.Residual = now, residual
			copy(best, p.q)
		}
		if off <= 1 {
			break
		}
	}
	copy(p.q, best)
	r.Steps = steps
	return r
}

// begin makes r and w of EM's q, moved to where every w is above 0.
func (p *problem) begin() {
	n, most := &p.newton, 0.0
	for g := range p.groups {
		s := 0.0
		for m, d := range p.row(g)[:p.live] {
			s += d * p.r[m]
		}
		most = max(most, s)
	}
	scale := min(1, 0.9*p.total/most)
	for m := range p.live {
		n.r[m] = scale * p.r[m]
	}
}

// advance goes one step of finish.
func (p *problem) advance() {
	n, live := &p.newton, p.live
	clear(n.k[:live*live])
	for m := range live {
		n.dr[m] = p.p[m] / n.r[m]
		n.k[m*live+m] = p.p[m] / p.r[m] / n.r[m] // Q_m/r_m
	}
	for g := range p.groups {
		row, w := p.row(g)[:live], p.total
		for m, d := range row {
			w -= d * n.r[m]
		}
		n.w[g] = max(w, leastMass)
		aim, slope := p.aim(g)/n.w[g], p.q[g]/n.w[g]
		for m, d := range row {
			if d == 0 {
				continue
			}
			n.dr[m] -= aim
			for i, e := range row[:m+1] {
				n.k[m*live+i] += e * slope
			}
		}
	}
	solve(n.k[:live*live], n.dr[:live])
	step := 1.0
	for m := range live {
		step = shorten(step, n.r[m], n.dr[m])
	}
	for g := range p.groups {
		n.dw[g] = 0
		for m, d := range p.row(g)[:live] {
			n.dw[g] -= d * n.dr[m]
		}
		n.dq[g] = (p.aim(g)-p.q[g]*n.dw[g])/n.w[g] - p.q[g]
		step = shorten(shorten(step, n.w[g], n.dw[g]), p.q[g], n.dq[g])
	}
	for m := range live {
		n.r[m] += step * n.dr[m]
	}
	sum := 0.0
	for g := range p.groups {
		p.q[g] += step * n.dq[g]
		sum += p.q[g]
	}
	for g := range p.groups {
		p.q[g] /= sum // 1 at the minimum
	}
}

// aim is the product q·w that a step aims at for group g.
func (p *problem) aim(g int) float64 { return max(p.a[g], leastMass) }

// shorten is the longest step, up to the one given, that leaves x above 0.
func shorten(step, x, dx float64) float64 {
	if dx < 0 {
		return min(step, -inside*x/dx)
	}
	return step
}

// solve puts the solution of k x = b into b, by Cholesky's decomposition of the
// lower triangle of k, which it leaves in its place.
func solve(k, b []float64) {
	n := len(b)
	for i := range n {
		for j := range i + 1 {
			sum := k[i*n+j]
			for l := range j {
				sum -= k[i*n+l] * k[j*n+l]
			}
			if i == j {
				k[i*n+i] = math.Sqrt(max(sum, math.SmallestNonzeroFloat32))
			} else {
				k[i*n+j] = sum / k[j*n+j]
			}
		}
		for l := range i {
			b[i] -= k[i*n+l] * b[l]
		}
		b[i] /= k[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		for l := i + 1; l < n; l++ {
			b[i] -= k[l*n+i] * b[l]
		}
		b[i] /= k[i*n+i]
	}
}
