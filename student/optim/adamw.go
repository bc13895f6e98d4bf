package optim

// Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv
// 1711.05101, algorithm 2): m and v are of the gradient ∇ alone, and
//
//	w ← w − lr·( (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε) + wd·w )
func init() {
	register("adamw", "Adam with decoupled weight decay", func(s Settings) Optimizer { return newAdam("adamw", s, true) })
}
