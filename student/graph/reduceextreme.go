package graph

import "github.com/kdonnx/kdonnx/student/kernel"

// registerExtreme registers an op that picks one value of each set that is
// reduced: pairs is y = y ⋄ x, one is the same of two numbers, none is what
// loses to every number.
func registerExtreme(name string, none float32, pairs func(y, a, b []float32), one func(y, x float32) float32) {
	Register(Op{Type: name, MinIn: 1, MaxIn: 2, NoGrad: []int{1}, Infer: inferReduce, Build: func(b *Build) (Kernel, error) {
		c, _, err := reduceBroadcast(b)
		if err != nil {
			return nil, err
		}
		k := &extreme{broadcast: c, none: none, pairs: pairs, one: one, stretches: c.apart(1), taken: make([]bool, c.sizes[1])}
		if c.sizes[1] == c.sizes[0] {
			k.stretches = c.units()
		}
		k.fwd, k.bwd = k.forwardStretches, k.backwardStretches
		return k, nil
	}})
}

// extreme is the kernel of ReduceMax and ReduceMin. Pieces of work write to
// values of y of their own.
type extreme struct {
	*broadcast
	none         float32
	pairs        func(y, a, b []float32)
	one          func(y, x float32) float32
	stretches    int
	taken        []bool // by value of y: its gradient has been given
	x, y, dx, dy []float32
	fwd, bwd     func(lo, hi int)
}

func (k *extreme) parallel(f func(lo, hi int)) {
	kernel.Parallel(k.stretches, max(1, kernel.Grain*k.stretches/(k.rows*k.inner)), f)
}

func (k *extreme) Forward(_ *Run, in, out [][]float32) {
	k.x, k.y = in[0], out[0]
	for i := range k.y {
		k.y[i] = k.none
	}
	k.parallel(k.fwd)
}

func (k *extreme) forwardStretches(lo, hi int) {
	each := k.units() / k.stretches
	for u := lo * each; u < hi*each; u++ {
		from, to, row, part := k.unit(u)
		x, y := k.x[from:to], k.cut(1, k.y, row, part, to-from)
		if k.steps[1] == 1 {
			k.pairs(y, y, x)
			continue
		}
		top := y[0]
		for _, v := range x {
			top = k.one(top, v)
		}
		y[0] = top
	}
}

// Backward gives dy to the first x, in the order of memory, that is y.
func (k *extreme) Backward(_ *Run, in, out, dout, din [][]float32) {
	if din[0] == nil {
		return
	}
	k.x, k.y, k.dx, k.dy = in[0], out[0], din[0], dout[0]
	clear(k.taken)
	k.parallel(k.bwd)
}

func (k *extreme) backwardStretches(lo, hi int) {
	each := k.units() / k.stretches
	for u := lo * each; u < hi*each; u++ {
		from, to, row, part := k.unit(u)
		at, step := k.at(1, row, part), k.steps[1]
		dx := k.dx[from:to]
		for i, v := range k.x[from:to] {
			j := at + i*step
			dx[i] = 0
			if v == k.y[j] && !k.taken[j] {
				dx[i], k.taken[j] = k.dy[j], true
			}
		}
	}
}
