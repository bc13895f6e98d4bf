package graph

import "fmt"

// Split is y₀, y₁, … = stretches of x along axis; dx = the dyᵢ one after the
// other.
func init() {
	Register(Op{Type: "Split", Layout: AnyOrder, MinIn: 1, MaxIn: 2, NoGrad: []int{1}, Moves: true, Infer: inferSplit, Build: buildSplit})
}

// splitSizes gives the axis and what each output takes of it: split, an
// attribute before opset 13 and an input since, or parts that are equal but
// for a smaller last one since opset 18.
func splitSizes(n *Node) (a int, sizes []int, err error) {
	x := n.In[0].Shape
	if a, err = axis(n.Int("axis", 0), len(x), false); err != nil {
		return 0, nil, err
	}
	if x[a] < 0 {
		return 0, nil, fmt.Errorf("splits axis %d of %v, the batch", a, x)
	}
	list, err := n.list(1, "split", 13)
	if err != nil {
		return 0, nil, err
	}
	parts := len(n.source.Outputs)
	if list == nil {
		part := (x[a] + parts - 1) / max(parts, 1)
		if want := n.Int("num_outputs", parts); want != parts {
			return 0, nil, fmt.Errorf("num_outputs is %d, expected the number of outputs, %d", want, parts)
		}
		if part*parts != x[a] && n.Opset < 18 {
			return 0, nil, fmt.Errorf("axis %d of %v is no multiple of %d outputs", a, x, parts)
		}
		for left := x[a]; left > 0 && len(sizes) < parts; left -= part {
			sizes = append(sizes, min(left, part))
		}
	}
	sum := 0
	for _, v := range list {
		if v.n != 0 || v.c < 1 || v.c > int64(x[a]) {
			return 0, nil, fmt.Errorf("split is %s, expected numbers from 1 to %d", integersText(list), x[a])
		}
		sizes = append(sizes, int(v.c))
		sum += int(v.c)
	}
	if len(sizes) != parts || list != nil && sum != x[a] {
		return 0, nil, fmt.Errorf("splits axis %d of %v into %v for %d outputs", a, x, sizes, parts)
	}
	return a, sizes, nil
}

func inferSplit(n *Node) ([]Shape, error) {
	a, sizes, err := splitSizes(n)
	if err != nil {
		return nil, err
	}
	var out []Shape
	for _, d := range sizes {
		s := append(Shape{}, n.In[0].Shape...)
		s[a] = d
		out = append(out, s)
	}
	return out, nil
}

// split gives each output one stretch of every index before axis.
type split struct {
	outer, total int
	widths       []int // values of one stretch, by output
}

func buildSplit(b *Build) (Kernel, error) {
	a, _, err := splitSizes(b.Node)
	if err != nil {
		return nil, err
	}
	a = b.Axis(a)
	s := &split{outer: product(b.In(0)[:a]), total: product(b.In(0)[a:])}
	for i := range b.Node.Out {
		s.widths = append(s.widths, product(b.Out(i)[a:]))
	}
	return s, nil
}

func (s *split) Forward(_ *Run, in, out [][]float32) {
	at := 0
	for i, w := range s.widths {
		for r := range s.outer {
			copy(out[i][r*w:(r+1)*w], in[0][r*s.total+at:])
		}
		at += w
	}
}

// Backward joins the dy again, 0 for an output that nothing depends on.
func (s *split) Backward(_ *Run, _, _, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	at := 0
	for i, w := range s.widths {
		for r := range s.outer {
			dst := din[0][r*s.total+at : r*s.total+at+w]
			if dout[i] == nil {
				clear(dst)
				continue
			}
			copy(dst, dout[i][r*w:])
		}
		at += w
	}
}
