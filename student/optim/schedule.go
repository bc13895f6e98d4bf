package optim

// Schedule gives the learning rate as a fraction of the base rate at a step,
// counted from 0. It is a pure function: a resumed run needs no state of it.
type Schedule func(step uint64) float64

// Rate is the learning rate at step for a base rate.
func (s Schedule) Rate(base float64, step uint64) float32 { return float32(base * s(step)) }
