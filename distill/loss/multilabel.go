package loss

import "github.com/kdonnx/kdonnx/dataset"

func init() {
	Register(Entry{
		Name: "multi-label",
		Task: dataset.MultiLabel,
		Doc:  "α·T²·Σ KL(σ(v/T) ‖ σ(z/T)) + β·Σ BCE(V, σ(z)): binary distillation of every label",
		New:  func(s Settings) (Loss, error) { return NewMultiLabel(s) },
	})
}

// MultiLabel is the classic loss of C independent labels, each of them yes or
// no with a logit of its own:
//
//	L = α·T²·Σ_c KL(Bernoulli(σ(v_c/T)) ‖ Bernoulli(σ(z_c/T))) + β·Σ_c BCE(V_c, σ(z_c))
//	∂L/∂z_c = [α·T·(σ(z_c/T) − σ(v_c/T)) + β·(σ(z_c) − V_c)] / N
//
// Both terms are summed over the labels, as the KL of the joint distribution
// of independent labels is, and means over the batch. A value V_c in [0, 1] is
// a mixture of yes and no; one that is NaN is not known and adds 0.
//
// A Bernoulli of logit z is the softmax of (z, 0), and is computed as that.
type MultiLabel struct {
	weighting
	p, q, s distribution
	pair    [2]float32 // the logits (z, 0)
	g, h    [2]float64 // gradient of each weighted term with respect to them
}

// NewMultiLabel makes the loss.
func NewMultiLabel(s Settings) (*MultiLabel, error) {
	w, err := s.weighting()
	if err != nil {
		return nil, err
	}
	return &MultiLabel{weighting: w}, nil
}

// Name is "multi-label".
func (l *MultiLabel) Name() string { return "multi-label" }

// Formula is the loss with α, β and T filled in.
func (l *MultiLabel) Formula() string {
	return l.formula("T²·KL(σ(v/T) ‖ σ(z/T))", "BCE(V, σ(z))", "summed over labels, mean over the batch")
}

// Eval implements Loss.
func (l *MultiLabel) Eval(b Batch, grad []float32) Terms {
	b.mustFit(grad)
	var sum Terms
	for i, z := range b.Student {
		clear(l.g[:])
		clear(l.h[:])
		if b.Teacher != nil {
			l.set(&l.p, b.Teacher[i], l.t)
			l.set(&l.q, z, l.t)
			addDifference(l.g[:], l.alpha*l.t, &l.q, &l.p)
			sum.Soft += kl(&l.p, &l.q)
		}
		if v := b.value(i); v == v {
			l.set(&l.s, z, 1)
			sum.Hard += hardTerm(l.h[:], l.beta, 0, &l.s, [2]weightedClass{{0, float64(v)}, {1, 1 - float64(v)}})
		}
		sum.SoftGradient += float64(l.g[0] * l.g[0])
		sum.HardGradient += float64(l.h[0] * l.h[0])
		if grad != nil {
			grad[i] = float32((l.g[0] + l.h[0]) / float64(b.N))
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

// set makes d the distribution of yes and no of logit z at temperature t.
func (l *MultiLabel) set(d *distribution, z float32, t float64) {
	l.pair[0] = z
	d.set(l.pair[:], t)
}
