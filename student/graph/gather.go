package graph

import (
	"fmt"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// Gather is y[o,i,…] = x[o,index[i],…] along axis; dx = dy summed over the
// places that read a row.
func init() {
	Register(Op{Type: "Gather", MinIn: 2, MaxIn: 2, Weights: []int{0}, Index: []int{1}, Moves: true, Infer: inferGather, Build: buildGather})
}

// inferGather puts the axes of the indices in the place of axis.
func inferGather(n *Node) ([]Shape, error) {
	x, index := n.In[0].Shape, n.In[1]
	a, err := axis(n.Int("axis", 0), len(x), false)
	if err != nil {
		return nil, err
	}
	if x[a] < 0 {
		return nil, fmt.Errorf("picks from axis %d of %v, the batch", a, x)
	}
	for _, v := range index.ints {
		if v.n != 0 || v.c < -int64(x[a]) || v.c >= int64(x[a]) {
			return nil, fmt.Errorf("index is %v, expected %d to %d", v, -x[a], x[a]-1)
		}
	}
	out := append(append(append(Shape{}, x[:a]...), index.Shape...), x[a+1:]...)
	return []Shape{out}, nil
}

func buildGather(b *Build) (Kernel, error) {
	x, index := b.In(0), b.Node.In[1]
	a, err := axis(b.Node.Int("axis", 0), len(x), false)
	if err != nil {
		return nil, err
	}
	if !index.isInts {
		return newLookup(b, x, a), nil
	}
	maps := make([][]int, len(x))
	for _, v := range index.ints {
		maps[a] = append(maps[a], (int(v.c)+x[a])%x[a])
	}
	return newMapped(x, maps, 0), nil
}

// lookup is Gather with computed indices, such as an embedding of token ids:
// y[o,i,…] = x[o,index[i],…]. Indices are float32 values that are rounded to
// integers; below 0 they count from the end. One that is out of range is the
// error of the pass and reads the nearest.
type lookup struct {
	node               *Node
	outer, size, block int
	at                 []int // by index: row of x
	x, y               []float32
	fwd                func(lo, hi int)
}

func newLookup(b *Build, x []int, a int) *lookup {
	l := &lookup{
		node: b.Node, outer: product(x[:a]), size: x[a], block: product(x[a+1:]),
		at: make([]int, product(b.In(1))),
	}
	l.fwd = l.forwardRows
	return l
}

func (l *lookup) Forward(r *Run, in, out [][]float32) {
	for i, v := range in[1] {
		row := float64(v)
		if row += 0.5; !(row >= float64(-l.size) && row < float64(l.size)) {
			r.Fail(l.node, "index %d is %g, expected %d to %d", i, v, -l.size, l.size-1)
			l.at[i] = 0
			if row > 0 {
				l.at[i] = l.size - 1
			}
			continue
		}
		k := int(row + float64(l.size)) // rounds down: all is ≥ 0
		l.at[i] = k % l.size
	}
	l.x, l.y = in[0], out[0]
	kernel.Parallel(l.outer*len(l.at), max(1, kernel.Grain/l.block), l.fwd)
}

func (l *lookup) forwardRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		from := (r/len(l.at)*l.size + l.at[r%len(l.at)]) * l.block
		copy(l.y[r*l.block:(r+1)*l.block], l.x[from:])
	}
}

// Backward adds up the rows of dy that read one row of x, in their order.
func (l *lookup) Backward(_ *Run, _, _, dout, din [][]float32) {
	dx := din[0]
	if dx == nil {
		return
	}
	clear(dx)
	for r := range l.outer * len(l.at) {
		from := (r/len(l.at)*l.size + l.at[r%len(l.at)]) * l.block
		row := dx[from : from+l.block]
		kernel.Add(row, row, dout[0][r*l.block:(r+1)*l.block])
	}
}
