package optim

func init() {
	registerSchedule("linear", "a straight line from the base rate to 0", Linear)
}

// Linear falls from 1 to 0 over total steps: 1 − step/total.
func Linear(total uint64) Schedule {
	return func(step uint64) float64 { return 1 - done(step, total) }
}
