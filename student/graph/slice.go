package graph

import "fmt"

// Slice is y[i] = x[start + i·step] along each axis; dx = dy there, else 0.
func init() {
	Register(Op{Type: "Slice", Layout: AnyOrder, MinIn: 1, MaxIn: 5, NoGrad: []int{1, 2, 3, 4}, Moves: true, Infer: inferSlice, Build: buildSlice})
}

// cut is what Slice takes of one axis: count indices from start by step. All
// of it when count is 0.
type cut struct{ start, step, count int }

// sliceCuts gives the cut of each axis. Starts, ends and axes are attributes
// before opset 10 and inputs since, with steps.
func sliceCuts(n *Node) ([]cut, error) {
	x := n.In[0].Shape
	starts, err := n.list(1, "starts", 10)
	if err != nil {
		return nil, err
	}
	ends, err := n.list(2, "ends", 10)
	if err != nil {
		return nil, err
	}
	axes, err := n.axes(3, 10, len(x))
	if err != nil {
		return nil, err
	}
	steps, err := n.list(4, "steps", 10)
	if err != nil {
		return nil, err
	}
	if axes == nil {
		for i := range min(len(starts), len(x)) {
			axes = append(axes, i)
		}
	}
	if starts == nil || len(starts) != len(ends) || len(starts) != len(axes) || steps != nil && len(steps) != len(starts) {
		return nil, fmt.Errorf("has %d starts, %d ends, %d axes and %d steps for %v, expected as many of each", len(starts), len(ends), len(axes), len(steps), x)
	}
	cuts := make([]cut, len(x))
	for k, a := range axes {
		step := number(1)
		if steps != nil {
			step = steps[k]
		}
		if x[a] < 0 {
			if !n.wholeBatch(x[a], starts[k], ends[k], step) {
				return nil, fmt.Errorf("takes %v to %v by %v of axis %d of %v, the batch, which a student takes whole", starts[k], ends[k], step, a, x)
			}
			continue
		}
		if starts[k].n != 0 || ends[k].n != 0 || step.n != 0 || step.c == 0 {
			return nil, fmt.Errorf("takes %v to %v by %v of axis %d of %v, expected numbers and no step of 0", starts[k], ends[k], step, a, x)
		}
		if cuts[a] = cutAxis(x[a], starts[k].c, ends[k].c, step.c); cuts[a].count == 0 {
			return nil, fmt.Errorf("takes %v to %v by %v of axis %d of %v, which is nothing", starts[k], ends[k], step, a, x)
		}
	}
	return cuts, nil
}

// wholeBatch tells whether a slice of the batch axis d takes all of it.
func (n *Node) wholeBatch(d int, start, end, step integer) bool {
	if start != (integer{}) || step != number(1) {
		return false
	}
	return end.c >= 0 && end.n >= int64(-d) || end.n == 0 && (end.c >= maxSize || n.batch > 0 && end.c >= n.batch*int64(-d))
}

// cutAxis clamps start and end as ONNX does and counts the indices.
func cutAxis(d int, start, end, step int64) cut {
	size := int64(d)
	lo, hi := int64(0), size // of start and end, when step > 0
	if step < 0 {
		lo, hi = -1, size-1
	}
	clamp := func(a, lo int64) int64 {
		if a < 0 {
			a += size
		}
		return min(max(a, lo), hi)
	}
	start, end = clamp(start, 0), clamp(end, lo)
	step = min(max(step, -size), size)
	count := (end - start + step - sign(step)) / step
	return cut{int(start), int(step), int(max(0, count))}
}

func inferSlice(n *Node) ([]Shape, error) {
	cuts, err := sliceCuts(n)
	if err != nil {
		return nil, err
	}
	out := append(Shape{}, n.In[0].Shape...)
	for i, c := range cuts {
		if c.count > 0 {
			out[i] = c.count
		}
	}
	return []Shape{out}, nil
}

func buildSlice(b *Build) (Kernel, error) {
	cuts, err := sliceCuts(b.Node)
	if err != nil {
		return nil, err
	}
	maps := make([][]int, len(cuts))
	for i, c := range cuts {
		if c.count == 0 {
			continue
		}
		maps[i] = make([]int, c.count)
		for j := range maps[i] {
			maps[i][j] = c.start + j*c.step
		}
	}
	return newMapped(b.In(0), b.inMemory(maps), 0), nil
}
