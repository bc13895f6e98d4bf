package graph

import "fmt"

// Flatten is y = x as a matrix, the axes before axis by the others; dx = dy.
func init() {
	Register(Op{Type: "Flatten", MinIn: 1, MaxIn: 1, Moves: true, Passes: true, Infer: inferFlatten, Build: copies})
}

// inferFlatten gives (product of the axes before axis, product of the rest).
func inferFlatten(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	a, err := axis(n.Int("axis", 1), len(x), true)
	if err != nil {
		return nil, err
	}
	out := Shape{1, 1}
	for i, d := range x {
		k := 0
		if i >= a {
			k = 1
		}
		if d < 0 && out[k] < 0 {
			return nil, fmt.Errorf("input %v has two batch axes", x)
		}
		out[k] *= d
	}
	return []Shape{out}, nil
}
