package optim

func init() {
	registerSchedule("poly", "a parabola from the base rate to 0", Poly)
}

// Poly falls from 1 to 0 over total steps: (1 − step/total)², the polynomial
// decay of power 2 of You et al. 2017 (arXiv 1708.03888).
func Poly(total uint64) Schedule {
	return func(step uint64) float64 {
		left := 1 - done(step, total)
		return float64(left * left)
	}
}
