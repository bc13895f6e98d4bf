package optim

func init() {
	register("nesterov", "stochastic gradient descent with Nesterov momentum", func(s Settings) Optimizer { return newSGD("nesterov", s, true) })
}
