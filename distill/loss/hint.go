package loss

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Hint is the distance between what a teacher has in a place inside it, u, and
// a learnable projection r of what the student has in one of its own (FitNets,
// Romero et al. 2015, arXiv 1412.6550, equation 3, without its ½), both (N, D):
//
//	L = w·1/D·Σ_d (r_d − û_d)²,   û_d = (u_d − μ_d)/σ
//	∂L/∂r_d = 2·w·(r_d − û_d)/(D·N)
//
// as a mean over the batch. μ_d is the mean of u_d over the transfer set and σ
// one number for all of u, the root of the mean over d of the variances: a
// projection that knows nothing but the means has L = w, whatever teacher, place
// and D, and values that hardly vary count as little as in u itself.
//
// It is no registered loss, for it is of other values than the outputs: it is
// added to one.
type Hint struct {
	weight, std float64
	mean        []float32
}

// NewHint makes the loss with the weight w in [0, MaxWeight], mean μ (D) and
// deviation σ.
func NewHint(weight float64, mean []float32, std float64) (*Hint, error) {
	if err := CheckHintWeight(weight); err != nil {
		return nil, err
	}
	for d, m := range mean {
		if math.IsNaN(float64(m)) || math.IsInf(float64(m), 0) {
			return nil, fault.New(fault.Input, "", fmt.Sprintf("hint value %d", d), "has a mean of %v over the transfer set, expected a finite number", m)
		}
	}
	if !(std > 0 && std <= math.MaxFloat32) {
		return nil, fault.New(fault.Input, "", "hint", "the values have a deviation of %v over the transfer set, expected a finite number above 0", std)
	}
	return &Hint{weight, std, mean}, nil
}

// CheckHintWeight refuses a weight that NewHint would not take.
func CheckHintWeight(w float64) error {
	if !(w >= 0 && w <= MaxWeight) {
		return usage("--hint-weight", w, "a number in [0, 1e6]")
	}
	return nil
}

// Weight is w.
func (h *Hint) Weight() float64 { return h.weight }

// Formula is the term as it is added to a loss, its weight filled in.
func (h *Hint) Formula() string {
	return number(h.weight) + "·MSE(r(h), (u − μ)/σ)"
}

// Eval returns the term without its weight, and unless grad is nil overwrites
// grad (n, D) with the gradient of w times it with respect to r (n, D). u (n, D)
// is as the teacher gives it. It panics when a length is another.
func (h *Hint) Eval(n int, r, u, grad []float32) float64 {
	d := len(h.mean)
	if len(r) != n*d || len(u) != n*d || grad != nil && len(grad) != n*d {
		panic(fmt.Sprintf("loss: hint of %d rows of %d has %d projected and %d teacher's values and %d gradients", n, d, len(r), len(u), len(grad)))
	}
	sum := 0.0
	for i := range r {
		e := float64(r[i]) - (float64(u[i])-float64(h.mean[i%d]))/h.std
		sum += float64(e * e)
		if grad != nil {
			grad[i] = float32(2 * h.weight * e / float64(d) / float64(n))
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(d) / float64(n)
}
