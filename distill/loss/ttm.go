package loss

import (
	"github.com/kdonnx/kdonnx/dataset"
)

func init() {
	Register(Entry{
		Name: "ttm", Task: dataset.MultiClass, Standardisable: true,
		Doc: "α·KL(softmax(v/T) ‖ softmax(z)) + β·CE: the teacher transformed, the student at T = 1 (Zheng and Yang 2024)",
		New: func(s Settings) (Loss, error) { return newDistilling("ttm", s, &transformed{}) },
	})
	Register(Entry{
		Name: "wttm", Task: dataset.MultiClass, Standardisable: true,
		Doc: "ttm with each row weighed by Σ softmax(v)^(1/T): rows of which the teacher is unsure count more",
		New: func(s Settings) (Loss, error) {
			return newDistilling("wttm", s, &transformed{weighted: true})
		},
	})
}

// transformed is the soft term of transformed teacher matching (Zheng and Yang
// 2024, arXiv 2402.11148, equations 8 and 17): with γ = 1/T the teacher's
// distribution is raised to γ, which is its softmax at T, while the student has
// no temperature,
//
//	S = mean_i u_i·KL(softmax(v_i/T) ‖ softmax(z_i)),   u_i = 1, or Σ_j softmax(v_i)_j^γ
//
// There is no T², since the student's side does not shrink with T.
type transformed struct {
	weighted bool
	p, q     distribution
}

func (m *transformed) formula(z, v string) (term, letters string) {
	term = "KL(softmax(" + v + "/T) ‖ softmax(" + z + "))"
	if m.weighted {
		term = "Σ softmax(" + v + ")^(1/T)·" + term
	}
	return term, ""
}

func (m *transformed) eval(z, v []float64, n, c int, _ []int32, t, w float64, g []float64) float64 {
	sum := 0.0
	for i := range n {
		row := v[i*c : (i+1)*c]
		u := 1.0
		if m.weighted {
			setTo(&m.p, row, 1)
			u = 0
			for _, l := range m.p.logp {
				u += exp(l / t)
			}
		}
		setTo(&m.p, row, t)
		setTo(&m.q, z[i*c:(i+1)*c], 1)
		sum += float64(u * kl(&m.p, &m.q))
		addDifference(g[i*c:(i+1)*c], w*u/float64(n), &m.q, &m.p)
	}
	return sum / float64(n)
}
