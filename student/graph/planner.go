package graph

import "github.com/kdonnx/kdonnx/internal/fault"

// planner builds a Plan.
type planner struct {
	g        *Graph
	nodes    []*Node // of the graph, arranged and fused
	values   int
	n        int
	training bool
	grads    Gradients
	build    []Kernel
	work     int
	arena    []*buffer
	act      map[int]*buffer // by value id
	given    map[int]bool    // by value id: the graph gives it
	grad     map[int]*buffer
	temps    [][]*buffer // by node, then input: a further contribution
	writes   [][]bool    // by node, then input: din is wanted
}

// maxArena bounds the values of a plan's activations and gradients, and those
// of its work space: 64 GiB.
const maxArena = 1 << 34

func (b *planner) bounded(values int) error {
	if values > maxArena {
		return fault.New(fault.Input, b.g.Name, "batch", "of %d rows takes memory for %d values, expected at most %d", b.n, values, maxArena)
	}
	return nil
}

// kernels builds every node's kernel and checks that gradients can pass.
func (b *planner) kernels(p *Plan) error {
	made := map[int]Kernel{} // by value id
	for _, n := range b.nodes {
		build := &Build{Node: n, Batch: b.n, Training: b.training}
		k, err := n.Op.Build(build)
		field := nodeField(n.source)
		if err != nil {
			return fault.New(fault.Input, b.g.Name, field, "%w", err)
		}
		if bn, ok := k.(*batchNorm); ok && b.training {
			if c, ok := made[n.In[0].id].(conv); ok {
				bn.moments = c.KeepMoments()
			}
		}
		made[n.Out[0].id] = k
		s := step{kernel: k, node: n}
		if b.training && n.Out[0].grad {
			back, ok := k.(Backwarder)
			if !ok {
				return fault.New(fault.Input, b.g.Name, field, "op %s has no gradient: list the weights before it under metadata %q, or use the model as a teacher", n.Op.Type, FrozenKey)
			}
			s.back = back
		}
		b.build = append(b.build, k)
		b.work = max(b.work, build.work)
		p.steps = append(p.steps, s)
	}
	if err := b.bounded(b.work); err != nil {
		return err
	}
	p.run.Work = make([]float32, b.work)
	return nil
}

// place decides when each buffer lives and where in the arena it lies. Time
// runs forward over nodes 0..k−1, then backward from k to 2k−1.
func (b *planner) place(p *Plan) {
	k := len(b.nodes)
	end := 2 * k
	backAt := func(i int) int { return 2*k - 1 - i }
	b.act, b.grad = map[int]*buffer{}, map[int]*buffer{}
	for i, n := range b.nodes {
		for _, v := range n.Out {
			b.act[v.id] = b.alloc(v.Shape.Size(b.n), i)
		}
		for _, v := range append(append([]*Value{}, n.In...), n.Out...) {
			if v == nil || b.act[v.id] == nil {
				continue
			}
			last := i
			if p.steps[i].back != nil {
				last = backAt(i)
			}
			b.act[v.id].until(last)
		}
	}
	b.given = map[int]bool{}
	for _, v := range b.g.Outputs {
		b.given[v.id] = true
		b.act[v.id].until(end)
		if b.training && v.grad {
			b.grad[v.id] = b.alloc(v.Shape.Size(b.n), k-1)
		}
	}
	b.temps, b.writes = make([][]*buffer, k), make([][]bool, k)
	if b.training {
		b.placeGradients(p, backAt)
	}
	for _, v := range b.g.Inputs {
		if buf := b.grad[v.id]; buf != nil {
			buf.until(end)
		}
	}
	place(b.arena)
}

// placeGradients gives the first consumer, in backward order, of a value the
// value's gradient buffer to write, and every further one a buffer of its own
// that is added. An op that may work in place writes where the gradient of its
// output was.
func (b *planner) placeGradients(p *Plan, backAt func(int) int) {
	written := make([]bool, b.values)
	for id := range b.grad {
		written[id] = true
	}
	for i := len(b.nodes) - 1; i >= 0; i-- {
		n, now := b.nodes[i], backAt(i)
		b.temps[i], b.writes[i] = make([]*buffer, len(n.In)), make([]bool, len(n.In))
		reached, free := false, (*buffer)(nil)
		for _, v := range n.Out {
			if g := b.grad[v.id]; g != nil {
				g.until(now)
				reached = true
				if n.Op.GradInPlace && !b.given[v.id] {
					free = g
				}
			}
		}
		if !reached {
			p.steps[i].back = nil
			continue
		}
		for j, v := range n.In {
			if v == nil || !v.grad {
				continue
			}
			b.writes[i][j] = true
			size := v.Shape.Size(b.n)
			switch {
			case written[v.id]:
				b.temps[i][j] = b.alloc(size, now)
			case v.param == nil && free != nil && free.size == size:
				b.grad[v.id], free = free, nil
			case v.param == nil:
				b.grad[v.id] = b.alloc(size, now)
			}
			written[v.id] = true
		}
	}
}

func (b *planner) alloc(size, from int) *buffer {
	buf := &buffer{size: size, from: from, to: from}
	b.arena = append(b.arena, buf)
	return buf
}

// wire cuts the arena and gives every step its slices.
func (b *planner) wire(p *Plan) {
	memory := make([]float32, arenaSize(b.arena))
	cut := func(buf *buffer) []float32 {
		if buf == nil {
			return nil
		}
		return memory[buf.at : buf.at+buf.size : buf.at+buf.size]
	}
	feed := map[int]int{}
	for i, v := range b.g.Inputs {
		feed[v.id] = i
		p.sizes = append(p.sizes, v.Shape.Size(b.n))
		p.dins = append(p.dins, cut(b.grad[v.id]))
	}
	gradOf := func(v *Value) []float32 {
		if v.param != nil {
			return b.grads[v.param.index]
		}
		return cut(b.grad[v.id])
	}
	for i, n := range b.nodes {
		s := &p.steps[i]
		s.in, s.din = make([][]float32, len(n.In)), make([][]float32, len(n.In))
		for j, v := range n.In {
			switch {
			case v == nil:
			case v.param != nil:
				s.in[j] = v.param.Data
			case v.producer >= 0:
				s.in[j] = cut(b.act[v.id])
			default:
				if k, ok := feed[v.id]; ok {
					p.feeds[k] = append(p.feeds[k], &s.in[j])
				}
			}
			if s.back == nil || !b.writes[i][j] {
				continue
			}
			if t := cut(b.temps[i][j]); t != nil {
				s.din[j] = t
				s.adds = append(s.adds, addition{gradOf(v), t})
			} else {
				s.din[j] = gradOf(v)
			}
		}
		for _, v := range n.Out {
			s.out = append(s.out, cut(b.act[v.id]))
			s.dout = append(s.dout, cut(b.grad[v.id]))
		}
	}
	for _, v := range b.g.Outputs {
		p.outs = append(p.outs, cut(b.act[v.id]))
		p.douts = append(p.douts, cut(b.grad[v.id]))
	}
}
