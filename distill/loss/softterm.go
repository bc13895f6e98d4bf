package loss

import "math"

// softTerm is what a loss makes of teacher and student, on a whole mini-batch
// in float64. The losses that are made of one differ in nothing else.
type softTerm interface {
	// eval returns the term at temperature t, a mean over the n rows of z and v,
	// (n, c), and adds w times its gradient with respect to z to g, (n, c). class
	// is the label of each row, or the teacher's own choice where there is none.
	eval(z, v []float64, n, c int, class []int32, t, w float64, g []float64) float64
	// formula is the term for logits that are called z and v, with its own numbers
	// filled in, and what its letters are where they need a word.
	formula(z, v string) (term, letters string)
}

// Distilling is a loss of the form
//
//	L = α·S(z, v) + β·CE(y, softmax(z))
//
// with any soft term S. Standardised, S is taken of
//
//	z' = (z − mean z)/(1e-7 + std z),   v' likewise
//
// by row, std with C−1 (Sun et al. 2024, arXiv 2403.01427, algorithm 1), while
// the hard term stays that of z. Logits that are all equal are 0 in standard
// form; where the student's are, S has no gradient with respect to them.
type Distilling struct {
	name string
	soft softTerm
	weighting
	standardised bool
	smoothing    float64

	z, v, g []float64 // (N, C)
	spread  []float64 // (N) std of each row of the student
	class   []int32   // (N)
	s       distribution
	row     []float64 // (C)
}

// newDistilling checks the settings that all these losses share.
func newDistilling(name string, s Settings, soft softTerm) (*Distilling, error) {
	w, err := s.weighting()
	if err != nil {
		return nil, err
	}
	return &Distilling{name: name, soft: soft, weighting: w, standardised: s.Standardise, smoothing: s.Smoothing}, nil
}

// Name is the name that the loss is registered under.
func (l *Distilling) Name() string { return l.name }

// Formula is the loss with its settings filled in.
func (l *Distilling) Formula() string {
	soft, letters := l.soft.formula("z", "v")
	standard := ""
	if l.standardised {
		soft, letters = l.soft.formula("z'", "v'")
		standard = "z' and v' being z and v standardised by row"
	}
	return l.formula(soft, hardFormula(l.smoothing), "mean over the batch", letters, standard, smoothingNote(l.smoothing))
}

// Eval implements Loss. Terms.Soft is S.
func (l *Distilling) Eval(b Batch, grad []float32) Terms {
	b.mustFit(grad)
	l.prepare(b)
	var sum Terms
	if b.Teacher != nil && b.N > 0 {
		sum.Soft = l.soft.eval(l.z, l.v, b.N, b.C, l.class, l.t, l.alpha, l.g)
		if l.standardised {
			l.unstandardise(b)
		}
		sum.SoftGradient = float64(b.N) * math.Sqrt(addSquares(0, l.g)/float64(b.N)) // g is divided by N
	}
	for i := range b.N {
		g := l.g[i*b.C : (i+1)*b.C]
		if target := b.hardTarget(i); target[0].w != 0 || target[1].w != 0 {
			l.s.set(b.Student[i*b.C:(i+1)*b.C], 1)
			clear(l.row)
			sum.Hard += hardTerm(l.row, l.beta, l.smoothing, &l.s, target)
			sum.HardGradient = addSquares(sum.HardGradient, l.row)
			for c := range g {
				g[c] += l.row[c] / float64(b.N)
			}
		}
		if grad != nil {
			scale(grad[i*b.C:(i+1)*b.C], g, 1)
		}
	}
	if b.N > 0 {
		sum.Hard /= float64(b.N)
	}
	sum.HardGradient = rootMean(sum.HardGradient, b.N)
	sum.Total = float64(l.alpha*sum.Soft) + float64(l.beta*sum.Hard)
	return sum
}

// prepare fills the matrices from the batch.
func (l *Distilling) prepare(b Batch) {
	size := b.N * b.C
	if cap(l.z) < size || cap(l.spread) < b.N || cap(l.row) < b.C {
		l.z, l.v, l.g = make([]float64, size), make([]float64, size), make([]float64, size)
		l.spread, l.class, l.row = make([]float64, b.N), make([]int32, b.N), make([]float64, b.C)
	}
	l.z, l.v, l.g, l.spread, l.class, l.row = l.z[:size], l.v[:size], l.g[:size], l.spread[:b.N], l.class[:b.N], l.row[:b.C]
	clear(l.g)
	for i, z := range b.Student {
		l.z[i] = float64(z)
	}
	if b.Teacher == nil {
		return
	}
	for i, v := range b.Teacher {
		l.v[i] = max(float64(v), -math.MaxFloat32) // a probability of 0 is a logit far below the others
	}
	for i := range b.N {
		z, v := l.z[i*b.C:(i+1)*b.C], l.v[i*b.C:(i+1)*b.C]
		if l.class[i] = b.label(i); b.Others != nil && b.Shares[i] < 0.5 {
			l.class[i] = b.Others[i]
		}
		if l.class[i] == Unlabelled {
			l.class[i] = int32(topOf(v))
		}
		if l.standardised {
			l.spread[i] = standardise(z)
			standardise(v)
		}
	}
}

// topOf is the position of the first largest value.
func topOf(x []float64) int {
	top := 0
	for i, v := range x {
		if v > x[top] {
			top = i
		}
	}
	return top
}

// tiny keeps a standard deviation of 0 from dividing, as in the authors' code.
const tiny = 1e-7

// standardise makes a row's mean 0 and its deviation 1, and returns the
// deviation that it had.
func standardise(x []float64) (std float64) {
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for i, v := range x {
		x[i] = v - mean
		std += x[i] * x[i] / float64(len(x)-1)
	}
	std = math.Sqrt(std)
	for i := range x {
		x[i] /= tiny + std
	}
	return std
}

// unstandardise turns the gradient with respect to z' into that with respect
// to z: with d = z − mean, s = std and e = 1e-7 + s,
//
//	g_k ← (g_k − mean g)/e − d_k·Σ_i g_i·d_i/((C−1)·s·e²)
func (l *Distilling) unstandardise(b Batch) {
	for i := range b.N {
		z, g, s := l.z[i*b.C:(i+1)*b.C], l.g[i*b.C:(i+1)*b.C], l.spread[i]
		if s == 0 {
			clear(g)
			continue
		}
		e := tiny + s
		mean, along := 0.0, 0.0
		for c := range g {
			mean += g[c] / float64(b.C)
			along += float64(g[c] * z[c]) // z' = d/e
		}
		along /= float64(b.C-1) * s
		for c := range g {
			g[c] = (g[c]-mean)/e - float64(z[c]*along)
		}
	}
}
