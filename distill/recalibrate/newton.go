package recalibrate

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// problem is the rows with all classes that stay as they are made one: logits
// t (N, K+1), the last the log-sum-exp of the others.
type problem struct {
	n, k  int
	t     []float64
	prior []float64 // (K)
}

func newProblem(z []float32, c int, free []int, prior []float64) *problem {
	p := &problem{n: len(z) / c, k: len(free), prior: prior}
	p.t = make([]float64, 0, p.n*(p.k+1))
	named := make([]bool, c)
	for _, k := range free {
		named[k] = true
	}
	others := make([]float64, 0, c)
	for ; len(z) > 0; z = z[c:] {
		others = others[:0]
		for k, v := range z[:c] {
			if !named[k] {
				others = append(others, float64(v))
			}
		}
		for _, k := range free {
			p.t = append(p.t, float64(z[k]))
		}
		p.t = append(p.t, logSumExp(others))
	}
	return p
}

// row is t of row i with b added.
func (p *problem) row(i int, b, out []float64) []float64 {
	t := p.t[i*(p.k+1):][:p.k+1]
	for k, v := range b {
		out[k] = t[k] + v
	}
	out[p.k] = t[p.k]
	return out
}

// solve is Newton's method from b = 0. A step that does not halve the residual
// is replaced by a round of exact steps of one class after the other, which
// never lead uphill and come out of where softmax is flat.
func (p *problem) solve(s *Solution) ([]float64, error) {
	b := make([]float64, p.k)
	m, h := p.masses(b)
	residual := p.residual(m)
	for ; residual > Tolerance/10 && s.Rounds < maxRounds; s.Rounds++ {
		if to, ok := p.newton(b, m, h); ok {
			if m2, h2 := p.masses(to); p.residual(m2) <= residual/2 {
				b, m, h, residual = to, m2, h2, p.residual(m2)
				continue
			}
		}
		for k := range b {
			p.exact(b, k)
		}
		m, h = p.masses(b)
		residual = p.residual(m)
	}
	if residual > Tolerance {
		return nil, fmt.Errorf("the mean mass stays %.2g from the prior after %d rounds, expected at most %.0g", residual, s.Rounds, Tolerance)
	}
	return b, nil
}

// masses are the mean mass of each class at b, and the Hessian of F,
// diag(m) − mean(q qᵀ).
func (p *problem) masses(b []float64) ([]float64, *mat.SymDense) {
	const block = 256 // rows whose q qᵀ are summed at once
	m, h := make([]float64, p.k), mat.NewSymDense(p.k, nil)
	t, part := make([]float64, p.k+1), mat.NewSymDense(p.k, nil)
	for lo := 0; lo < p.n; lo += block {
		rows := min(block, p.n-lo)
		q := mat.NewDense(rows, p.k, nil)
		for i := range rows {
			lse := logSumExp(p.row(lo+i, b, t))
			for k, v := range t[:p.k] {
				v = math.Exp(v - lse)
				q.Set(i, k, v)
				m[k] += v / float64(p.n)
			}
		}
		part.SymOuterK(-1/float64(p.n), q.T())
		h.AddSym(h, part)
	}
	for k, v := range m {
		h.SetSym(k, k, h.At(k, k)+v)
	}
	return m, h
}

func (p *problem) residual(m []float64) float64 {
	var r float64
	for k, v := range m {
		r = math.Max(r, math.Abs(v-p.prior[k]))
	}
	return r
}

// newton is the whole step from b; false where the Hessian has no inverse.
func (p *problem) newton(b, m []float64, h *mat.SymDense) ([]float64, bool) {
	var chol mat.Cholesky
	if !chol.Factorize(h) {
		return nil, false
	}
	g := mat.NewVecDense(p.k, nil)
	for k := range b {
		g.SetVec(k, p.prior[k]-m[k])
	}
	if err := chol.SolveVecTo(g, g); err != nil {
		return nil, false
	}
	to := make([]float64, p.k)
	for k := range b {
		if to[k] = b[k] + g.AtVec(k); math.IsNaN(to[k]) || math.IsInf(to[k], 0) {
			return nil, false
		}
	}
	return to, true
}

// exact moves b_k to where the mass of class k alone is its prior: the root of
// mean_i σ(a_i + b_k) − π_k, which rises, by bisection.
func (p *problem) exact(b []float64, k int) {
	a, t := make([]float64, p.n), make([]float64, p.k+1)
	least, most := math.Inf(1), math.Inf(-1)
	for i := range a {
		p.row(i, b, t)
		own := t[k] - b[k]
		t[k] = math.Inf(-1)
		a[i] = own - logSumExp(t)
		least, most = math.Min(least, a[i]), math.Max(most, a[i])
	}
	logit := math.Log(p.prior[k]) - math.Log1p(-p.prior[k])
	lo, hi := logit-most, logit-least // σ(a_i + lo) ≤ π ≤ σ(a_i + hi) for every i
	for {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		var sum float64
		for _, v := range a {
			sum += 1 / (1 + math.Exp(-v-mid))
		}
		if sum < p.prior[k]*float64(p.n) {
			lo = mid
		} else {
			hi = mid
		}
	}
	b[k] = hi
}
