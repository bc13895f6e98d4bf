package graph

import "fmt"

// Concat is y = x₀, x₁, … one after the other along axis; each dxᵢ is its
// stretch of dy.
func init() {
	Register(Op{Type: "Concat", Layout: AnyOrder, MinIn: 1, Moves: true, Infer: inferConcat, Build: buildConcat})
}

// inferConcat adds up the sizes along axis; the other axes agree.
func inferConcat(n *Node) ([]Shape, error) {
	if n.source.Attr("axis") == nil {
		return nil, fmt.Errorf("attribute axis is missing")
	}
	first := n.In[0].Shape
	a, err := axis(n.Int("axis", 0), len(first), false)
	if err != nil {
		return nil, err
	}
	out := append(Shape{}, first...)
	for i := range n.In {
		if !n.Has(i) {
			return nil, fmt.Errorf("input %d is missing", i)
		}
		s := n.In[i].Shape
		if len(s) != len(first) {
			return nil, fmt.Errorf("input %d is %v, expected rank %d", i, s, len(first))
		}
		for k := range s {
			if k == a && s[k] < 0 {
				return nil, fmt.Errorf("joins along the batch axis, which a student cannot")
			}
			if k != a && s[k] != first[k] {
				return nil, fmt.Errorf("input %d is %v, expected the axes of %v but for axis %d", i, s, first, a)
			}
		}
		if i > 0 {
			out[a] += s[a]
		}
	}
	return []Shape{out}, nil
}

// concat copies one stretch of each input for every index before axis.
type concat struct {
	outer, total int
	widths       []int // values of one stretch, by input
}

func buildConcat(b *Build) (Kernel, error) {
	a, err := axis(b.Node.Int("axis", 0), len(b.In(0)), false)
	if err != nil {
		return nil, err
	}
	a = b.Axis(a)
	c := &concat{outer: product(b.Out(0)[:a]), total: product(b.Out(0)[a:])}
	for i := range b.Node.In {
		c.widths = append(c.widths, product(b.In(i)[a:]))
	}
	return c, nil
}

func (c *concat) Forward(_ *Run, in, out [][]float32) {
	at := 0
	for i, w := range c.widths {
		for r := range c.outer {
			copy(out[0][r*c.total+at:], in[i][r*w:(r+1)*w])
		}
		at += w
	}
}

// Backward gives each input its stretches of dy.
func (c *concat) Backward(_ *Run, _, _, dout, din [][]float32) {
	at := 0
	for i, w := range c.widths {
		if din[i] != nil {
			for r := range c.outer {
				copy(din[i][r*w:(r+1)*w], dout[0][r*c.total+at:])
			}
		}
		at += w
	}
}
