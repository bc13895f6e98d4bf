package graph

import "fmt"

// Unsqueeze is y = x with more axes of 1; dx = dy.
func init() {
	Register(Op{Type: "Unsqueeze", MinIn: 1, MaxIn: 2, NoGrad: []int{1}, Moves: true, Passes: true, Infer: inferUnsqueeze, Build: copies})
}

// inferUnsqueeze puts axes of 1 at the given places of the output. Axes are an
// attribute before opset 13 and an input since.
func inferUnsqueeze(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	list, err := n.list(1, "axes", 13)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || len(x)+len(list) > maxRank {
		return nil, fmt.Errorf("axes are %s, expected at least one and at most %d in all", integersText(list), maxRank)
	}
	axes, err := n.axes(1, 13, len(x)+len(list))
	if err != nil {
		return nil, err
	}
	var out Shape
	for i, k := 0, 0; i < len(x)+len(axes); i++ {
		if contains(axes, i) {
			out = append(out, 1)
			continue
		}
		out = append(out, x[k])
		k++
	}
	return []Shape{out}, nil
}
