package optim

func init() {
	registerSchedule("constant", "the base rate all along", func(uint64) Schedule { return Constant() })
}

// Constant is 1 at every step.
func Constant() Schedule { return func(uint64) float64 { return 1 } }
