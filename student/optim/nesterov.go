package optim

// Nesterov's momentum in the form of Sutskever et al. 2013 that needs the
// gradient at w alone: d and v as sgd, w ← w − lr·(d + momentum·v).
func init() {
	register("nesterov", "stochastic gradient descent with Nesterov momentum", func(s Settings) Optimizer { return newSGD("nesterov", s, true) })
}
