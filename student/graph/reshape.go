package graph

import "fmt"

// Reshape is y = x in another shape; dx = dy.
func init() {
	Register(Op{Type: "Reshape", MinIn: 2, MaxIn: 2, NoGrad: []int{1}, Moves: true, Passes: true, Infer: inferReshape, Build: copies})
}

// inferReshape resolves 0 (copy the axis) and −1 (what is left). A model with
// a fixed batch b names it in the shape: the axis that must then grow with the
// batch is the first.
func inferReshape(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	target, err := n.integers(1)
	if err != nil {
		return nil, err
	}
	if len(target) > maxRank {
		return nil, fmt.Errorf("shape has %d axes, expected at most %d", len(target), maxRank)
	}
	bad := fmt.Errorf("cannot reshape %v to %v", x, target)
	size, batched := x.PerRow()
	out, rest, known, hasBatch := make(Shape, len(target)), -1, 1, false
	for i, t := range target {
		d, ok := t.dim()
		switch {
		case t == number(-1) && rest < 0:
			rest = i
			continue
		case t == integer{} && n.Int("allowzero", 0) == 0 && i < len(x):
			d = x[i]
		case !ok || d == 0:
			return nil, bad
		}
		out[i] = d
		hasBatch = hasBatch || d < 0
		if known *= max(d, -d); known > maxSize {
			return nil, bad
		}
	}
	b := int(n.batch)
	switch {
	case rest >= 0:
		if batched && !hasBatch && b > 0 && rest > 0 && out[0] == b && size%(known/b) == 0 {
			out[0], known, hasBatch = Batch, known/b, true
		}
		if size%known != 0 || hasBatch && !batched {
			return nil, bad
		}
		out[rest] = size / known
		if batched && !hasBatch {
			out[rest] = -out[rest]
		}
	case batched && !hasBatch:
		if b == 0 || known != size*b || len(out) == 0 || out[0]%b != 0 {
			return nil, bad
		}
		out[0] = -out[0] / b
	case known != size || batched != hasBatch:
		return nil, bad
	}
	return []Shape{out}, nil
}
