package graph

import "fmt"

// Expand is y = x repeated along its axes of 1 to the wanted shape; dx = dy
// summed over them.
func init() {
	Register(Op{Type: "Expand", MinIn: 2, MaxIn: 2, NoGrad: []int{1}, Moves: true, Infer: inferExpand, Build: buildExpand})
}

// inferExpand is the shape that x and the wanted shape broadcast to; an axis
// of the wanted shape may be the batch.
func inferExpand(n *Node) ([]Shape, error) {
	list, err := n.integers(1)
	if err != nil {
		return nil, err
	}
	if len(list) > maxRank {
		return nil, fmt.Errorf("shape has %d axes, expected at most %d", len(list), maxRank)
	}
	want := make(Shape, len(list))
	for i, a := range list {
		d, ok := a.dim()
		if !ok || d == 0 {
			return nil, fmt.Errorf("shape is %s, expected numbers from 1 or the batch", integersText(list))
		}
		want[i] = d
	}
	x := n.In[0].Shape
	if b := int(n.batch); b > 0 && len(want) == len(x) && len(x) > 0 && x[0] < 0 && want[0] == -x[0]*b {
		want[0] = x[0] // the file fixes the batch at b
	}
	out, err := broadcastShapes(x, want)
	return []Shape{out}, err
}

// buildExpand repeats the axes of 1.
func buildExpand(b *Build) (Kernel, error) {
	x, y := b.In(0), b.Out(0)
	dims, maps := make([]int, len(y)), make([][]int, len(y))
	for i := range y {
		dims[i] = fromEnd(x, len(y)-1-i)
		if dims[i] != y[i] {
			maps[i] = make([]int, y[i])
		}
	}
	return newMapped(dims, maps, 0), nil
}
