package graph

// RMSNormalization is y = scale·x/√(mean(x²)+ε), the mean over the axes from
// axis on (Zhang and Sennrich 2019, arXiv 1910.07467).
func init() {
	Register(Op{Type: "RMSNormalization", MinIn: 2, MaxIn: 2, Weights: []int{1}, Infer: func(n *Node) ([]Shape, error) {
		return inferRowNorm(n, 23)
	}, Build: buildRowNorm})
}
