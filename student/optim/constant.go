package optim

// Constant is 1 at every step.
func Constant() Schedule { return func(uint64) float64 { return 1 } }
