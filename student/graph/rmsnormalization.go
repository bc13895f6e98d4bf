package graph

func init() {
	Register(Op{Type: "RMSNormalization", MinIn: 2, MaxIn: 2, Infer: func(n *Node) ([]Shape, error) {
		return inferRowNorm(n, 23)
	}, Build: buildRowNorm})
}
