package optim

import "math"

func init() {
	registerSchedule("cosine", "half a cosine from the base rate to 0", func(total uint64) Schedule { return Cosine(total, 0) })
}

// Cosine falls from 1 to floor over total steps along half a cosine
// (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts), and stays
// there.
func Cosine(total uint64, floor float64) Schedule {
	return func(step uint64) float64 {
		if step >= total {
			return floor
		}
		return floor + (1-floor)*0.5*(1+math.Cos(math.Pi*float64(step)/float64(total)))
	}
}
