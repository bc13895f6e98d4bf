package graph

func init() {
	Register(Op{Type: "Identity", MinIn: 1, MaxIn: 1, Moves: true, Infer: sameShape, Build: copies})
}
