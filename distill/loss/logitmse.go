package loss

import "github.com/kdonnx/kdonnx/dataset"

func init() {
	Register(Entry{
		Name: "logit-mse", Task: dataset.MultiClass, Standardisable: true, Lacks: []string{"temperature"},
		Doc: "α·‖z − v‖²/C + β·CE: the logits themselves (Ba and Caruana 2014), the limit of classic for a high T",
		New: func(s Settings) (Loss, error) { return newDistilling("logit-mse", s, matching{}) },
	})
}

// matching is the soft term of logit matching (Ba and Caruana 2014, arXiv
// 1312.6184, equation 1):
//
//	S = mean_i ‖z_i − v_i‖²/C
//
// For T → ∞ the classic T²·KL tends to half of it, of logits whose mean is 0
// (Hinton, Vinyals and Dean 2015, section 2.1).
type matching struct{}

func (matching) formula(z, v string) (term, letters string) {
	return "‖" + z + " − " + v + "‖²/C", ""
}

func (matching) eval(z, v []float64, n, c int, _ []int32, _, w float64, g []float64) float64 {
	sum, each := 0.0, 2*w/float64(n*c)
	for i := range z {
		d := z[i] - v[i]
		sum += float64(d * d)
		g[i] += float64(each * d)
	}
	return sum / float64(n*c)
}
