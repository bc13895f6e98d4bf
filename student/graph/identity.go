package graph

func init() {
	Register(Op{Type: "Identity", MinIn: 1, MaxIn: 1, Infer: sameShape, Build: copies})
}
