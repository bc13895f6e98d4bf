package graph

// Identity is y = x; dx = dy.
func init() {
	Register(Op{Type: "Identity", Layout: AnyOrder, MinIn: 1, MaxIn: 1, Moves: true, Passes: true, Infer: sameShape, Build: copies})
}
