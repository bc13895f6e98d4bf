package optim

func init() {
	registerSchedule("step", "a tenth of the rate after each third of the run", func(total uint64) Schedule { return Steps((total+2)/3, 0.1) })
}

// Steps multiplies by factor after each every steps: factor^⌊step/every⌋. An
// every of 0 never does.
func Steps(every uint64, factor float64) Schedule {
	return func(step uint64) float64 {
		if every == 0 {
			return 1
		}
		f := 1.0
		for k := step / every; k > 0 && f != 0; k-- {
			f *= factor
			if factor == 1 {
				break
			}
		}
		return f
	}
}
