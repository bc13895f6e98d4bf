package loss

func init() {
	Register(Entry{
		Name:           "classic",
		Doc:            "α·T²·KL(p ‖ q) + β·CE(y, softmax(z)): the loss of Hinton, Vinyals and Dean",
		Standardisable: true,
		New: func(s Settings) (Loss, error) {
			if s.Standardise {
				return newDistilling("classic", s, &softened{})
			}
			return NewClassic(s)
		},
	})
	Register(Entry{
		Name: "classic-ce",
		Doc:  "the classic loss with the cross-entropy −Σ p·log q for the KL: another value, the same gradient",
		New:  func(s Settings) (Loss, error) { return NewClassicCE(s) },
	})
}

// Classic is the loss of Hinton, Vinyals and Dean 2015 (arXiv 1503.02531,
// section 2):
//
//	L = α·T²·KL(p ‖ q) + β·CE(y, softmax(z))
//	∂L/∂z = [α·T·(q − p) + β·(softmax(z) − onehot(y))] / N
//
// KL is summed over classes; both terms are means over the batch. Student and
// teacher are softened by the same T, the hard term has T = 1.
type Classic struct {
	weighting
	smoothing    float64
	crossEntropy bool
	p, q, s      distribution
	g, h         []float64 // (C) one row of the gradient of each weighted term
}

// NewClassic makes the loss with the soft term KL(p ‖ q), which is 0 when the
// student equals the teacher.
func NewClassic(s Settings) (*Classic, error) {
	w, err := s.weighting()
	if err != nil {
		return nil, err
	}
	return &Classic{weighting: w, smoothing: s.Smoothing}, nil
}

// NewClassicCE makes the loss with the soft term −Σ p·log q, as the paper
// writes it. It is KL(p ‖ q) plus the entropy of p, a constant, and so has
// the same gradient.
func NewClassicCE(s Settings) (*Classic, error) {
	l, err := NewClassic(s)
	if err != nil {
		return nil, err
	}
	l.crossEntropy = true
	return l, nil
}

// Name is "classic" or "classic-ce".
func (l *Classic) Name() string {
	if l.crossEntropy {
		return "classic-ce"
	}
	return "classic"
}

// Formula is the loss with α, β and T filled in.
func (l *Classic) Formula() string {
	soft := "KL(softmax(v/T) ‖ softmax(z/T))"
	if l.crossEntropy {
		soft = "CE(softmax(v/T), softmax(z/T))"
	}
	return l.formula("T²·"+soft, hardFormula(l.smoothing), "summed over classes, mean over the batch", smoothingNote(l.smoothing))
}

// Eval implements Loss.
func (l *Classic) Eval(b Batch, grad []float32) Terms {
	b.mustFit(grad)
	if cap(l.g) < b.C {
		l.g, l.h = make([]float64, b.C), make([]float64, b.C)
	}
	l.g, l.h = l.g[:b.C], l.h[:b.C]
	var sum Terms
	for i := range b.N {
		clear(l.g)
		clear(l.h)
		soft, hard := l.row(b, i)
		sum.Soft += soft
		sum.Hard += hard
		sum.SoftGradient = addSquares(sum.SoftGradient, l.g)
		sum.HardGradient = addSquares(sum.HardGradient, l.h)
		if grad != nil {
			for c, h := range l.h {
				l.g[c] += h
			}
			scale(grad[i*b.C:(i+1)*b.C], l.g, b.N)
		}
	}
	if b.N > 0 {
		sum.Soft /= float64(b.N)
		sum.Hard /= float64(b.N)
	}
	sum.SoftGradient, sum.HardGradient = rootMean(sum.SoftGradient, b.N), rootMean(sum.HardGradient, b.N)
	sum.Total = float64(l.alpha*l.t*l.t*sum.Soft) + float64(l.beta*sum.Hard)
	return sum
}

// row returns the two terms of row i and adds their gradients to l.g and l.h.
func (l *Classic) row(b Batch, i int) (soft, hard float64) {
	z := b.Student[i*b.C : (i+1)*b.C]
	v := b.teacher(i)
	target := b.hardTarget(i)
	if v != nil {
		l.p.set(v, l.t)
		l.q.set(z, l.t)
		addDifference(l.g, l.alpha*l.t, &l.q, &l.p)
		if l.crossEntropy {
			soft = crossEntropy(&l.p, &l.q)
		} else {
			soft = kl(&l.p, &l.q)
		}
	}
	if target[0].w != 0 || target[1].w != 0 {
		s := &l.q
		if v == nil || l.t != 1 {
			s = &l.s
			s.set(z, 1)
		}
		hard = hardTerm(l.h, l.beta, l.smoothing, s, target)
	}
	return soft, hard
}

// scale sets dst to src/n.
func scale(dst []float32, src []float64, n int) {
	for i, g := range src {
		dst[i] = float32(g / float64(n))
	}
}
