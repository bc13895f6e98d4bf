package loss

import "math"

// distribution is softmax(x/T) of one row, with its logarithm.
type distribution struct {
	p    []float64 // (C) probabilities
	logp []float64 // (C) their logarithms, finite also where p underflows
	top  int       // the first most likely class
}

// set computes softmax(x/T):
//
//	logp = (x−max)/T − log1p(Σ_{i≠top} exp((x_i−max)/T))
//
// Leaving the largest term out of the sum keeps logp of a class whose
// probability is nearly 1 accurate to its last digits.
func (d *distribution) set(x []float32, t float64) { setTo(d, x, t) }

// setTo is set for logits of either precision.
func setTo[F float32 | float64](d *distribution, x []F, t float64) {
	d.resize(len(x))
	d.top = 0
	for i, v := range x {
		if v > x[d.top] {
			d.top = i
		}
	}
	hi, rest := float64(x[d.top]), 0.0
	for i, v := range x {
		u := (float64(v) - hi) / t
		e := exp(u)
		d.logp[i], d.p[i] = u, e
		if i != d.top {
			rest += e
		}
	}
	l, s := math.Log1p(rest), 1+rest
	for i := range d.p {
		d.logp[i] -= l
		d.p[i] /= s
	}
}

func (d *distribution) resize(c int) {
	if cap(d.p) < c {
		d.p, d.logp = make([]float64, c), make([]float64, c)
	}
	d.p, d.logp = d.p[:c], d.logp[:c]
}

// kl is KL(p ‖ q) = Σ p·log(p/q), summed as Σ (p·log(p/q) − p + q): the
// same value since both sum to 1, but of terms that are never negative, so
// that nothing cancels when p and q are close. 0·log 0 = 0.
func kl(p, q *distribution) float64 {
	sum := 0.0
	for i, pi := range p.p {
		if pi == 0 {
			sum += q.p[i]
			continue
		}
		d := p.logp[i] - q.logp[i]
		if math.Abs(d) < 0.25 {
			sum += pi * expRemainder(-d)
		} else {
			sum += float64(pi*d) - pi + q.p[i]
		}
	}
	return sum
}

// crossEntropy is −Σ p·log q, 0·log q = 0.
func crossEntropy(p, q *distribution) float64 {
	sum := 0.0
	for i, pi := range p.p {
		if pi != 0 {
			sum -= float64(pi * q.logp[i])
		}
	}
	return sum
}

// addDifference adds w·(q − p) to g. The class that p finds most likely gets
// minus the sum of the others, so that the row sums to 0 and keeps its digits
// when p and q are both nearly 1 there.
func addDifference(g []float64, w float64, q, p *distribution) {
	others := 0.0
	for i := range g {
		if i != p.top {
			d := w * (q.p[i] - p.p[i])
			g[i] += d
			others += d
		}
	}
	g[p.top] -= others
}

// addOneHotDifference adds w·(s − onehot(y)) to g, as addDifference does.
func addOneHotDifference(g []float64, w float64, s *distribution, y int) {
	others := 0.0
	for i := range g {
		if i != y {
			d := w * s.p[i]
			g[i] += d
			others += d
		}
	}
	g[y] -= others
}
