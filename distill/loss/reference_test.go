package loss

import (
	"math"
	"math/big"
)

// The reference computes softmax, KL and cross-entropy as the definitions
// read, in 400-bit arithmetic, where no cancellation matters.

const prec = 400

func bigOf(x float64) *big.Float        { return new(big.Float).SetPrec(prec).SetFloat64(x) }
func bigAdd(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(prec).Add(a, b) }
func bigSub(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(prec).Sub(a, b) }
func bigMul(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(prec).Mul(a, b) }
func bigQuo(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(prec).Quo(a, b) }
func float(x *big.Float) float64        { f, _ := x.Float64(); return f }

// bigExp is e^x = (e^(x/2^64))^(2^64), the inner by its Taylor series. Below
// e^-1e8 it is 0.
func bigExp(x *big.Float) *big.Float {
	if x.Cmp(bigOf(-1e8)) < 0 {
		return bigOf(0)
	}
	const halvings = 64
	r := new(big.Float).SetMantExp(x, -halvings)
	sum, term := bigOf(1), bigOf(1)
	for i := 1; i < 30; i++ {
		term = bigQuo(bigMul(term, r), bigOf(float64(i)))
		sum = bigAdd(sum, term)
	}
	for range halvings {
		sum = bigMul(sum, sum)
	}
	return sum
}

// bigLog is log x for x in [1, 1e6], by Halley's iteration on exp.
func bigLog(x *big.Float) *big.Float {
	y := bigOf(math.Log(float(x)))
	for range 5 {
		e := bigExp(y)
		y = bigAdd(y, bigQuo(bigMul(bigOf(2), bigSub(x, e)), bigAdd(x, e)))
	}
	return y
}

// refSoftmax returns softmax(x/t) and its logarithm; a nil logarithm is that
// of probability 0.
func refSoftmax(x []float32, t float64) (p, logp []*big.Float) {
	hi := math.Inf(-1)
	for _, v := range x {
		hi = math.Max(hi, float64(v))
	}
	p, logp = make([]*big.Float, len(x)), make([]*big.Float, len(x))
	sum := bigOf(0)
	for i, v := range x {
		p[i] = bigOf(0)
		if !math.IsInf(float64(v), -1) {
			logp[i] = bigQuo(bigSub(bigOf(float64(v)), bigOf(hi)), bigOf(t))
			p[i] = bigExp(logp[i])
		}
		sum = bigAdd(sum, p[i])
	}
	l := bigLog(sum)
	for i := range p {
		p[i] = bigQuo(p[i], sum)
		if logp[i] != nil {
			logp[i] = bigSub(logp[i], l)
		}
	}
	return p, logp
}

// refClassic is the classic loss as its definition reads: terms with KL, the
// soft term as cross-entropy, and the gradient (N, C).
func refClassic(b Batch, t, alpha, beta float64) (terms Terms, softCE float64, grad []float64) {
	soft, ce, hard := bigOf(0), bigOf(0), bigOf(0)
	n := bigOf(float64(b.N))
	for i := range b.N {
		z := b.Student[i*b.C : (i+1)*b.C]
		g := make([]*big.Float, b.C)
		for c := range g {
			g[c] = bigOf(0)
		}
		if v := b.teacher(i); v != nil {
			p, logp := refSoftmax(v, t)
			q, logq := refSoftmax(z, t)
			for c := range p {
				if p[c].Sign() != 0 {
					soft = bigAdd(soft, bigMul(p[c], bigSub(logp[c], logq[c])))
					ce = bigSub(ce, bigMul(p[c], logq[c]))
				}
				g[c] = bigAdd(g[c], bigMul(bigOf(alpha*t), bigSub(q[c], p[c])))
			}
		}
		if y := b.label(i); y != Unlabelled {
			s, logs := refSoftmax(z, 1)
			hard = bigSub(hard, logs[y])
			for c := range s {
				one := 0.0
				if c == int(y) {
					one = 1
				}
				g[c] = bigAdd(g[c], bigMul(bigOf(beta), bigSub(s[c], bigOf(one))))
			}
		}
		for _, x := range g {
			grad = append(grad, float(bigQuo(x, n)))
		}
	}
	soft, ce, hard = bigQuo(soft, n), bigQuo(ce, n), bigQuo(hard, n)
	total := bigAdd(bigMul(bigOf(alpha*t*t), soft), bigMul(bigOf(beta), hard))
	return Terms{Total: float(total), Soft: float(soft), Hard: float(hard)}, float(ce), grad
}
