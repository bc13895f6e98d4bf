package optim

import "math"

func init() {
	registerSchedule("exponential", "the rate halves ten times over the run, to a thousandth", Exponential)
}

// Exponential falls from 1 to 2⁻¹⁰ over total steps: 2^(−10·step/total). (A
// power of two, since math.Exp rounds by what the processor has.)
func Exponential(total uint64) Schedule {
	return func(step uint64) float64 { return math.Exp2(-10 * done(step, total)) }
}
