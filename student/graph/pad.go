package graph

import "fmt"

// Pad is y = x with more, or fewer, values at both ends of its axes: a constant
// or values of x by the modes reflect, edge and wrap; dx = dy summed over the
// places that show a value.
func init() {
	Register(Op{Type: "Pad", Layout: AnyOrder, MinIn: 1, MaxIn: 4, NoGrad: []int{1, 2, 3}, Infer: inferPad, Build: buildPad})
}

// padding is what Pad puts before and after each axis; below 0 it takes away.
type padding struct {
	before, after []int
	mode          string
	value         float32
}

// newPadding reads pads and value, attributes before opset 11 and inputs
// since, and since opset 18 the axes that pads is about.
func newPadding(n *Node) (*padding, error) {
	x := n.In[0].Shape
	list, err := n.list(1, "pads", 11)
	if err != nil {
		return nil, err
	}
	p := &padding{before: make([]int, len(x)), after: make([]int, len(x)), mode: n.String("mode", "constant")}
	if p.value, err = n.ConstFloat(2, n.Float("value", 0)); err != nil {
		return nil, err
	}
	var axes []int
	if n.Has(3) {
		if axes, err = n.axes(3, 18, len(x)); err != nil {
			return nil, err
		}
	} else {
		for i := range x {
			axes = append(axes, i)
		}
	}
	if len(list) != 2*len(axes) {
		return nil, fmt.Errorf("pads are %s, expected %d numbers for %d axes", integersText(list), 2*len(axes), len(axes))
	}
	for k, v := range list {
		if v.n != 0 || v.c > maxWindow || v.c < -maxWindow {
			return nil, fmt.Errorf("pads are %s, expected numbers up to %d", integersText(list), maxWindow)
		}
		a := axes[k%len(axes)]
		if v.c != 0 && x[a] < 0 {
			return nil, fmt.Errorf("pads axis %d of %v, the batch", a, x)
		}
		if k < len(axes) {
			p.before[a] = int(v.c)
		} else {
			p.after[a] = int(v.c)
		}
	}
	return p, p.check(x)
}

// check is about modes: reflect reads inside the axis, without its border.
func (p *padding) check(x Shape) error {
	for i, d := range x {
		if d < 0 {
			continue
		}
		lo, hi := p.before[i], p.after[i]
		if d+lo+hi < 1 {
			return fmt.Errorf("pads axis %d of %v by %d and %d, which leaves nothing", i, x, lo, hi)
		}
		switch p.mode {
		case "constant", "edge", "wrap":
		case "reflect":
			if lo >= d || hi >= d {
				return fmt.Errorf("reflects %d and %d of axis %d of %v, expected less than the axis", lo, hi, i, x)
			}
		default:
			return fmt.Errorf("mode is %q, expected constant, reflect, edge or wrap", p.mode)
		}
	}
	return nil
}

func inferPad(n *Node) ([]Shape, error) {
	p, err := newPadding(n)
	if err != nil {
		return nil, err
	}
	out := append(Shape{}, n.In[0].Shape...)
	for i := range out {
		if out[i] > 0 {
			out[i] += p.before[i] + p.after[i]
		}
	}
	return []Shape{out}, nil
}

// source is where index i of a padded axis of d reads: −1 for the value.
func (p *padding) source(i, d int) int {
	if i >= 0 && i < d {
		return i
	}
	switch p.mode {
	case "edge":
		return min(max(i, 0), d-1)
	case "reflect":
		if i < 0 {
			return -i
		}
		return 2*(d-1) - i
	case "wrap":
		return (i%d + d) % d
	}
	return -1
}

func buildPad(b *Build) (Kernel, error) {
	p, err := newPadding(b.Node)
	if err != nil {
		return nil, err
	}
	n := b.Node
	x, y := n.In[0].Shape.At(b.Batch), n.Out[0].Shape.At(b.Batch)
	maps := make([][]int, len(x))
	for i, d := range x {
		if p.before[i] == 0 && p.after[i] == 0 {
			continue
		}
		maps[i] = make([]int, y[i])
		for j := range maps[i] {
			maps[i][j] = p.source(j-p.before[i], d)
		}
	}
	return newMapped(b.In(0), b.inMemory(maps), p.value), nil
}
