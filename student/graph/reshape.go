package graph

import "fmt"

func init() {
	Register(Op{Type: "Reshape", MinIn: 2, MaxIn: 2, NoGrad: []int{1}, Infer: inferReshape, Build: copies})
}

// inferReshape resolves 0 (copy the axis) and −1 (what is left). A model with
// a fixed batch b names it in the shape: the axis that must then grow with the
// batch is the first.
func inferReshape(n *Node) ([]Shape, error) {
	x := n.In[0].Shape
	target, err := n.ConstInts(1)
	if err != nil {
		return nil, err
	}
	if len(target) > maxRank {
		return nil, fmt.Errorf("shape has %d axes, expected at most %d", len(target), maxRank)
	}
	bad := func() ([]Shape, error) {
		return nil, fmt.Errorf("cannot reshape %v to %v", x, target)
	}
	size, batched := x.PerRow()
	out, rest, known, hasBatch := make(Shape, len(target)), -1, 1, false
	for i, t := range target {
		switch {
		case t == -1 && rest < 0:
			rest = i
		case t == 0 && n.Int("allowzero", 0) == 0 && i < len(x):
			out[i] = x[i]
		case t > 0 && t <= maxSize:
			out[i] = int(t)
		default:
			return bad()
		}
		if d := out[i]; d < 0 {
			hasBatch = true
			known *= -d
		} else if d > 0 {
			known *= d
		}
		if known > maxSize {
			return bad()
		}
	}
	switch {
	case rest >= 0:
		if batched && !hasBatch && n.batch > 0 && len(out) > 0 && rest > 0 && out[0] == int(n.batch) && size%(known/out[0]) == 0 {
			out[0], known, hasBatch = Batch, known/int(n.batch), true
		}
		if size%known != 0 {
			return bad()
		}
		out[rest] = size / known
		if batched && !hasBatch {
			out[rest] = -out[rest]
		}
	case batched && !hasBatch:
		b := int(n.batch)
		if b == 0 || known != size*b || len(out) == 0 || out[0]%b != 0 {
			return bad()
		}
		out[0] = -out[0] / b
	case known != size || batched != hasBatch:
		return bad()
	}
	return []Shape{out}, nil
}
