package graph

func init() {
	Register(Op{Type: "Identity", Layout: AnyOrder, MinIn: 1, MaxIn: 1, Moves: true, Infer: sameShape, Build: copies})
}
