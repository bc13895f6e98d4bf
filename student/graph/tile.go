package graph

import "fmt"

// Tile is y[i] = x[i mod d] along each axis of d, repeated as often as repeats
// says; dx = dy summed over the repeats.
func init() {
	Register(Op{Type: "Tile", MinIn: 2, MaxIn: 2, NoGrad: []int{1}, Moves: true, Infer: inferTile, Build: buildTile})
}

// inferTile multiplies each axis by its number of repeats.
func inferTile(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	repeats, err := n.integers(1)
	if err != nil {
		return nil, err
	}
	if len(repeats) != len(x) {
		return nil, fmt.Errorf("repeats are %s, expected one for each axis of %v", integersText(repeats), x)
	}
	out := make(Shape, len(x))
	for i, r := range repeats {
		if x[i] < 0 && r != number(1) {
			return nil, fmt.Errorf("repeats axis %d of %v, the batch, %v times", i, x, r)
		}
		d, err := integer{c: int64(max(x[i], 1))}.mul(r)
		if err != nil {
			return nil, err
		}
		size, ok := d.dim()
		if !ok || size == 0 {
			return nil, fmt.Errorf("repeats are %s, expected numbers from 1 or the batch", integersText(repeats))
		}
		out[i] = size
		if x[i] < 0 {
			out[i] = x[i]
		}
	}
	return []Shape{out}, nil
}

// buildTile reads index i of an axis of d at i mod d.
func buildTile(b *Build) (Kernel, error) {
	x, y := b.In(0), b.Out(0)
	maps := make([][]int, len(x))
	for i, d := range x {
		if y[i] == d {
			continue
		}
		maps[i] = make([]int, y[i])
		for j := range maps[i] {
			maps[i][j] = j % d
		}
	}
	return newMapped(x, maps, 0), nil
}
