package optim

func init() {
	registerSchedule("one-cycle", "a tenth of the rate up to it, back, and to a thousandth in the last tenth of the run; momentum stays", OneCycle)
}

// OneCycle is the 1cycle policy (Smith and Topin 2018, arXiv 1708.07120): a
// straight line from 1/10 up to 1 over 45 % of total steps, one back over as
// many, and one down to 1/1000 over the last 10 %, "several orders of
// magnitude below". The momentum, which the paper may cycle against the rate,
// is left alone.
func OneCycle(total uint64) Schedule {
	const leg, low, last = 0.45, 0.1, 0.001
	return func(step uint64) float64 {
		x := done(step, total)
		switch {
		case x < leg:
			return low + float64((1-low)*(x/leg))
		case x < 2*leg:
			return 1 - float64((1-low)*((x-leg)/leg))
		}
		return low - float64((low-last)*((x-2*leg)/(1-2*leg)))
	}
}
