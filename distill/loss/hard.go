package loss

func init() {
	Register(Entry{
		Name:  "hard-label",
		Doc:   "CE(y, softmax(z)): the labels alone, the loss of the baseline",
		Lacks: []string{"temperature", "alpha", "beta"},
		New: func(s Settings) (Loss, error) {
			if err := s.checkSmoothing(); err != nil {
				return nil, err
			}
			l := NewHardLabel()
			l.smoothing = s.Smoothing
			return l, nil
		},
	})
}

// hardTerm is −Σ w_k·log s_k over the classes of target, and adds β times its
// gradient Σ w_k·(s − onehot(k)) to g. Cross-entropy is linear in its target,
// so that this is the loss of a mixed label (Zhang et al. 2018), and of a
// smoothed one: with ε = smoothing the target of class k is (1−ε)·onehot(k) +
// ε/C (Szegedy et al. 2016, arXiv 1512.00567, section 7).
func hardTerm(g []float64, beta, smoothing float64, s *distribution, target [2]weightedClass) float64 {
	sum := 0.0
	for _, c := range target {
		if c.w == 0 {
			continue
		}
		w := c.w * (1 - smoothing)
		addOneHotDifference(g, beta*w, s, int(c.y))
		sum -= float64(w * s.logp[c.y])
		if smoothing == 0 {
			continue
		}
		each := c.w * smoothing / float64(len(g))
		for k := range g {
			g[k] += float64(beta * (float64(c.w*smoothing*s.p[k]) - each))
			sum -= float64(each * s.logp[k])
		}
	}
	return sum
}

// hardFormula is the hard term in words.
func hardFormula(smoothing float64) string {
	if smoothing == 0 {
		return "CE(y, softmax(z))"
	}
	return "CE((1−ε)·y + ε/C, softmax(z))"
}

// smoothingNote is ε for a formula with it, or nothing.
func smoothingNote(smoothing float64) string {
	if smoothing == 0 {
		return ""
	}
	return "ε = " + number(smoothing)
}

// HardLabel is the cross-entropy with the labels, the loss of the baseline
// that every distilled student is held against:
//
//	L = CE(y, softmax(z)) = −log softmax(z)_y
//	∂L/∂z = (softmax(z) − onehot(y)) / N
//
// where the label may be smoothed. It does not look at the teacher.
type HardLabel struct {
	smoothing float64
	s         distribution
	g         []float64 // (C) one row of the gradient
}

// NewHardLabel makes the loss.
func NewHardLabel() *HardLabel { return &HardLabel{} }

// Name is "hard-label".
func (l *HardLabel) Name() string { return "hard-label" }

// Formula is the loss.
func (l *HardLabel) Formula() string {
	labels := weighting{beta: 1}
	return labels.formula("", hardFormula(l.smoothing), "mean over the batch", smoothingNote(l.smoothing))
}

// Set implements Loss: there is nothing to change.
func (l *HardLabel) Set(Weights) {}

// Eval implements Loss.
func (l *HardLabel) Eval(b Batch, grad []float32) Terms {
	b.mustFit(grad)
	if cap(l.g) < b.C {
		l.g = make([]float64, b.C)
	}
	l.g = l.g[:b.C]
	sum, squares := 0.0, 0.0
	for i := range b.N {
		clear(l.g)
		if target := b.hardTarget(i); target[0].w != 0 || target[1].w != 0 {
			l.s.set(b.Student[i*b.C:(i+1)*b.C], 1)
			sum += hardTerm(l.g, 1, l.smoothing, &l.s, target)
			squares = addSquares(squares, l.g)
		}
		if grad != nil {
			scale(grad[i*b.C:(i+1)*b.C], l.g, b.N)
		}
	}
	if b.N > 0 {
		sum /= float64(b.N)
	}
	return Terms{Total: sum, Hard: sum, HardGradient: rootMean(squares, b.N)}
}
