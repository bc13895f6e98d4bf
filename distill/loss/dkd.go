package loss

import (
	"fmt"

	"github.com/kdonnx/kdonnx/dataset"
)

func init() {
	Register(Entry{
		Name: "dkd", Task: dataset.MultiClass, Standardisable: true,
		Doc: "α·T²·(a·KL(target or not) + b·KL(among the others)) + β·CE: decoupled distillation (Zhao et al. 2022)",
		Own: []Own{{"target", 1, "weight a of the target class against the rest"}, {"nontarget", 8, "weight b of the distribution among the others"}},
		New: func(s Settings) (Loss, error) {
			return newDistilling("dkd", s, &decoupled{target: s.Own["target"], others: s.Own["nontarget"]})
		},
	})
}

// decoupled is the soft term of DKD (Zhao et al. 2022, arXiv 2203.08679,
// equation 7): with b = (p_y, 1−p_y) and p̂ = softmax over the classes but y,
//
//	S = T²·(a·KL(b_v ‖ b_z) + b·KL(p̂_v ‖ p̂_z))
//
// Classic distillation has a = 1 and b = 1 − p_y of the teacher (equation 6):
// a teacher that is sure passes on little of what the others have in common.
// y is the label, or what the teacher finds likeliest where there is none.
// b_y/(1−b_y) is the softmax of two logits, z_y/T and the log-sum-exp of the
// others' z/T, so that nothing underflows.
type decoupled struct {
	target, others float64
	pb, qb, p, q   distribution
	pair, a, b     []float64
	gp, gq         []float64
}

func (d *decoupled) formula(z, v string) (term, letters string) {
	return fmt.Sprintf("T²·(%[1]s·KL(b(%[3]s/T) ‖ b(%[4]s/T)) + %[2]s·KL(p̂(%[3]s/T) ‖ p̂(%[4]s/T)))",
		number(d.target), number(d.others), v, z), "b = (p_y, 1−p_y), p̂ over the other classes"
}

func (d *decoupled) eval(z, v []float64, n, c int, class []int32, t, w float64, g []float64) float64 {
	if c < 2 {
		return 0
	}
	if cap(d.a) < c {
		d.a, d.b, d.gq, d.gp, d.pair = make([]float64, c), make([]float64, c), make([]float64, c), make([]float64, 2), make([]float64, 2)
	}
	sum := 0.0
	for i := range n {
		y := int(class[i])
		others := without(d.a, z[i*c:(i+1)*c], y)
		setTo(&d.q, others, t)
		d.binary(&d.qb, z[i*c+y], others, &d.q, t)
		others = without(d.b, v[i*c:(i+1)*c], y)
		setTo(&d.p, others, t)
		d.binary(&d.pb, v[i*c+y], others, &d.p, t)
		sum += float64(d.target*kl(&d.pb, &d.qb)) + float64(d.others*kl(&d.p, &d.q))

		// With m = z_y/T − logsumexp(others/T): ∂KL(b)/∂m = q_y − p_y, ∂m/∂z_y = 1/T,
		// ∂m/∂z_j = −q̂_j/T; ∂KL(p̂)/∂z_j = (q̂_j − p̂_j)/T. T² leaves a factor T.
		d.gp[0], d.gp[1] = 0, 0
		addDifference(d.gp[:2], w*t*d.target/float64(n), &d.qb, &d.pb)
		gq := d.gq[:c-1]
		clear(gq)
		addDifference(gq, w*t*d.others/float64(n), &d.q, &d.p)
		g[i*c+y] += d.gp[0]
		for j := range c {
			if j == y {
				continue
			}
			k := j
			if j > y {
				k--
			}
			g[i*c+j] += gq[k] - float64(d.gp[0]*d.q.p[k])
		}
	}
	return t * t * sum / float64(n)
}

// binary makes to the distribution of the target against the others, whose
// logits and distribution at t are given.
func (d *decoupled) binary(to *distribution, target float64, others []float64, p *distribution, t float64) {
	// log-sum-exp(x/T) = x_top/T − log p_top
	d.pair[0], d.pair[1] = target/t, others[p.top]/t-p.logp[p.top]
	setTo(to, d.pair[:2], 1)
}

// without copies the row x but for position y to dst.
func without(dst, x []float64, y int) []float64 {
	dst = append(dst[:0], x[:y]...)
	return append(dst, x[y+1:]...)
}
