package graph

import (
	"fmt"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student/kernel"
)

// Plan is a graph made ready for one batch size: kernels, the order they run
// in, and one arena that holds every activation and gradient. Running it
// allocates nothing. It is for one goroutine at a time.
type Plan struct {
	Batch    int
	Training bool

	run      Run
	steps    []step
	sum      *adder
	profiled bool
	feeds    [][]*[]float32 // by graph input: the kernel arguments that show it
	outs     [][]float32
	douts    [][]float32
	dins     [][]float32
	sizes    []int // by graph input: values of the whole batch
}

// step is one node with its buffers.
type step struct {
	node      *Node
	time      OpTime
	kernel    Kernel
	back      Backwarder // nil when no gradient passes here
	in, out   [][]float32
	dout, din [][]float32
	adds      []addition
}

// addition is dst += src after a step's backward: the further contributions
// to the gradient of a value that several inputs share.
type addition struct{ dst, src []float32 }

// adder is dst += src on all cores.
type adder struct {
	dst, src []float32
	piece    func(lo, hi int)
}

func newAdder() *adder {
	a := &adder{}
	a.piece = func(lo, hi int) { kernel.Add(a.dst[lo:hi], a.dst[lo:hi], a.src[lo:hi]) }
	return a
}

func (a *adder) add(dst, src []float32) {
	a.dst, a.src = dst, src
	kernel.Parallel(len(dst), kernel.Grain, a.piece)
}

// Gradients holds one buffer a trained parameter, shared by the plans of one
// trainer; nil for the others. It is in the order of Graph.Params.
type Gradients [][]float32

// NewGradients allocates the gradients of g's trained parameters.
func (g *Graph) NewGradients() Gradients {
	grads := make(Gradients, len(g.Params))
	for i, p := range g.Params {
		if p.grad {
			grads[i] = make([]float32, len(p.Data))
		}
	}
	return grads
}

// NewPlan prepares g for batches of exactly n rows: for training into grads,
// or with grads nil for inference, where BatchNormalization uses its running
// statistics, Dropout does nothing, and memory is used again as soon as it is
// free.
func (g *Graph) NewPlan(n int, grads Gradients) (*Plan, error) {
	return g.newPlan(n, grads, true)
}

// newPlan leaves every node by itself unless join is set.
func (g *Graph) newPlan(n int, grads Gradients, join bool) (*Plan, error) {
	if n < 1 {
		return nil, fault.New(fault.Usage, g.Name, "batch", "is %d, expected at least 1", n)
	}
	b := &planner{g: g, n: n, grads: grads, training: grads != nil}
	b.nodes, b.values = arrange(g)
	if join {
		b.nodes = fuse(b.nodes, g.Outputs, b.training)
	}
	p := &Plan{Batch: n, sum: newAdder(), Training: b.training, feeds: make([][]*[]float32, len(g.Inputs))}
	for _, node := range b.nodes {
		for _, v := range node.Out {
			if err := b.bounded(v.Shape.Size(n)); err != nil {
				return nil, err
			}
		}
	}
	if err := b.kernels(p); err != nil {
		return nil, err
	}
	b.place(p)
	if err := b.bounded(arenaSize(b.arena)); err != nil {
		return nil, err
	}
	b.wire(p)
	p.Prepare()
	return p, nil
}

// Prepare makes an inference plan take the parameters as they are now: until
// the next call, Forward may use what it has made of them. It does nothing in
// a training plan, which always sees them live.
func (p *Plan) Prepare() {
	if p.Training {
		return
	}
	for i := range p.steps {
		if k, ok := p.steps[i].kernel.(Preparer); ok {
			k.Prepare(p.steps[i].in)
		}
	}
}

// SetRandom sets the seed and step that random masks are drawn from.
func (p *Plan) SetRandom(seed, step uint64) { p.run.Seed, p.run.Step = seed, step }

// Forward runs the graph on its inputs, each of which holds Batch rows and is
// read until Backward returns.
func (p *Plan) Forward(inputs ...[]float32) {
	if len(inputs) != len(p.feeds) {
		panic(fmt.Sprintf("graph: Forward got %d inputs, want %d", len(inputs), len(p.feeds)))
	}
	for i, x := range inputs {
		if len(x) != p.sizes[i] {
			panic(fmt.Sprintf("graph: input %d has %d values, want %d", i, len(x), p.sizes[i]))
		}
		for _, at := range p.feeds[i] {
			*at = x
		}
	}
	p.run.err = nil
	for i := range p.steps {
		s := &p.steps[i]
		if !p.profiled {
			s.kernel.Forward(&p.run, s.in, s.out)
			continue
		}
		start := time.Now()
		s.kernel.Forward(&p.run, s.in, s.out)
		s.time.Forward += time.Since(start)
	}
}

// Err tells what was wrong with the data of the last Forward, such as a token
// that an embedding does not have; its outputs are then of no use, and nothing
// may be committed.
func (p *Plan) Err() error { return p.run.err }

// Output is the value of graph output i after Forward, until the next.
func (p *Plan) Output(i int) []float32 { return p.outs[i] }

// OutputGrad is where the caller puts the gradient of graph output i before
// Backward; nil when no trained parameter reaches that output.
func (p *Plan) OutputGrad(i int) []float32 { return p.douts[i] }

// InputGrad is the gradient of graph input i after Backward; nil unless the
// graph tracks inputs.
func (p *Plan) InputGrad(i int) []float32 { return p.dins[i] }

// Backward fills the gradients of the parameters from those of the outputs.
// Each gradient is overwritten, not added to.
func (p *Plan) Backward() {
	for i := len(p.steps) - 1; i >= 0; i-- {
		s := &p.steps[i]
		if s.back == nil {
			continue
		}
		start := time.Time{}
		if p.profiled {
			start = time.Now()
		}
		s.back.Backward(&p.run, s.in, s.out, s.dout, s.din)
		for _, a := range s.adds {
			p.sum.add(a.dst, a.src)
		}
		if p.profiled {
			s.time.Backward += time.Since(start)
		}
	}
}

// Commit makes the changes of running statistics by the last Forward stay.
func (p *Plan) Commit() {
	for i := range p.steps {
		if c, ok := p.steps[i].kernel.(Committer); ok {
			c.Commit(p.steps[i].in)
		}
	}
}
