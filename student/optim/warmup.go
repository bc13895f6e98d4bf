package optim

// Warmup climbs linearly over the first steps, (step+1)/steps, and then
// follows next from its own step 0.
func Warmup(steps uint64, next Schedule) Schedule {
	return func(step uint64) float64 {
		if step < steps {
			return float64(step+1) / float64(steps) * next(0)
		}
		return next(step - steps)
	}
}
