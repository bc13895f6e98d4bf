package graph

import "fmt"

// Squeeze is y = x without axes of 1; dx = dy.
func init() {
	Register(Op{Type: "Squeeze", MinIn: 1, MaxIn: 2, NoGrad: []int{1}, Moves: true, Passes: true, Infer: inferSqueeze, Build: copies})
}

// inferSqueeze drops the given axes, of 1 each, or all axes of 1. Axes are an
// attribute before opset 13 and an input since.
func inferSqueeze(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	axes, err := n.axes(1, 13, len(x))
	if err != nil {
		return nil, err
	}
	var out Shape
	for i, d := range x {
		drop := d == 1
		if len(axes) > 0 {
			drop = contains(axes, i)
		}
		switch {
		case !drop:
			out = append(out, d)
		case d < 0:
			return nil, fmt.Errorf("axis %d of %v is the batch, which a student keeps", i, x)
		case d != 1:
			return nil, fmt.Errorf("axis %d of %v is not 1", i, x)
		}
	}
	return []Shape{out}, nil
}
