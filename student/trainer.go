package student

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student/graph"
	"github.com/kdonnx/kdonnx/student/optim"
)

// maxUpdate bounds the global gradient norm, and that times the learning
// rate: a step beyond it has diverged, and weights stay far from overflow.
const maxUpdate = 1e18

// Loss fills the gradient of the logits (hi−lo, Classes) of rows lo to hi−1 of
// a step, and gives the loss: both means over these rows.
type Loss func(lo, hi int, logits, dlogits []float32) float64

// Trainer trains a student step by step. It is for one goroutine at a time,
// and only between its steps may anything else change the student's parameters.
type Trainer struct {
	s      *Student
	g      *graph.Graph // that is trained: the student's, or that with a projection
	pass   *graph.Plan  // whose outputs the loss is asked about
	opt    optim.Optimizer
	batch  int
	seed   uint64
	step   uint64
	grads  graph.Gradients // of one pass
	params []optim.Param
	full   *graph.Plan         // for the largest pass of a whole batch
	short  map[int]*graph.Plan // for other sizes, a few

	whole     func(logits, dlogits []float32) float64 // of Step
	wholeLoss Loss
	clip      *optim.Clipper
	maxNorm   *optim.MaxNorm     // nil without
	average   *optim.Average     // nil without
	sum       *optim.Accumulator // nil unless steps are cut
	kept      [][]float32        // running statistics before a step that is cut
}

// NewTrainer prepares training of s with steps of at most batch rows. The
// optimiser is bound to s, its state zero; seed is that of dropout masks. The
// optimiser's Settings say what else belongs to a step.
func NewTrainer(s *Student, opt optim.Optimizer, batch int, seed uint64) (*Trainer, error) {
	return trainGraph(s, s.g, opt, batch, seed)
}

// trainGraph trains the parameters of g, those of s among them.
func trainGraph(s *Student, g *graph.Graph, opt optim.Optimizer, batch int, seed uint64) (*Trainer, error) {
	t := &Trainer{s: s, g: g, opt: opt, batch: batch, seed: seed, grads: g.NewGradients(), short: map[int]*graph.Plan{}}
	t.wholeLoss = func(_, _ int, z, dz []float32) float64 { return t.whole(z, dz) }
	units := g.Units()
	for i, p := range g.Params {
		if t.grads[i] != nil {
			t.params = append(t.params, optim.Param{Name: p.Name, Dims: p.Dims, Data: p.Data, Grad: t.grads[i], Units: optim.Units(units[i])})
		}
	}
	if len(t.params) == 0 {
		return nil, fault.New(fault.Input, s.g.Name, "graph", "has no trainable weights")
	}
	var err error
	if t.full, err = g.NewPlan(largestPart(batch, t.parts(batch)), t.grads); err != nil {
		return nil, err
	}
	t.prepare(opt.Settings())
	opt.Bind(t.params)
	return t, nil
}

// prepare makes what belongs to a step beside the update.
func (t *Trainer) prepare(set optim.Settings) {
	if t.parts(t.batch) > 1 {
		var parts [][]float32
		for i := range t.params {
			p := &t.params[i]
			parts = append(parts, p.Grad)
			p.Grad = make([]float32, len(p.Data))
		}
		t.sum = optim.NewAccumulator(t.params, parts)
		for _, p := range learnt(t.g) {
			if p.Role == graph.State {
				t.kept = append(t.kept, make([]float32, len(p.Data)))
			}
		}
	}
	t.clip = optim.NewClipper(t.params, set.ClipValue)
	if set.MaxNorm > 0 {
		t.maxNorm = optim.NewMaxNorm(t.params, set.MaxNorm)
	}
	if set.EMA > 0 {
		t.average = optim.NewAverage(t.learnt(), set.EMA)
	}
}

// learnt lists what training changes in the student, and in its projection.
func (t *Trainer) learnt() []optim.Slot {
	var out []optim.Slot
	for _, p := range learnt(t.g) {
		out = append(out, optim.Slot{Name: p.Name, Data: p.Data})
	}
	return out
}

// Student is the student in training.
func (t *Trainer) Student() *Student { return t.s }

// Steps is the number of steps done.
func (t *Trainer) Steps() uint64 { return t.step }

// Projected is what the projection gives of the rows that a Loss is asked
// about, (hi−lo, Size), and where that Loss puts the gradient of it, which is 0
// until then. It is nil of a trainer without a projection, and of no use outside
// a Loss.
func (t *Trainer) Projected() (out, grad []float32) {
	if t.g == t.s.g || t.pass == nil {
		return nil, nil
	}
	return t.pass.Output(1), t.pass.OutputGrad(1)
}

// Step is StepParts for a loss that gets the logits (n, Classes) of all rows
// at once. It is an error when steps are cut.
func (t *Trainer) Step(x []float32, n int, loss func(logits, dlogits []float32) float64, lr float32) (float64, error) {
	if t.sum != nil {
		return 0, fault.New(fault.Usage, t.s.g.Name, "Step", "the trainer accumulates gradients, expected a call of StepParts")
	}
	t.whole = loss
	return t.StepParts(x, n, t.wholeLoss, lr)
}

// StepParts does one step on the rows x (n, InputShape), n ≤ batch, at
// learning rate lr, and gives the loss. When loss or gradient is NaN, Inf or
// beyond all measure the error is of kind Diverged, and when a row holds what
// the graph does not take, such as a token that an embedding does not have, of
// kind Input; then nothing has changed.
//
// With Accumulate the rows pass in that many parts of nearly one size, in
// order, at least two rows each, and their gradients are summed. The step is
// that of all rows at once but for rounding, the masks of dropout, and batch
// normalisation, which takes the statistics of each part for itself.
func (t *Trainer) StepParts(x []float32, n int, loss Loss, lr float32) (float64, error) {
	if n < 1 || n > t.batch || len(x) != n*t.s.rowSize() {
		return 0, fault.New(fault.Input, t.s.g.Name, "Step", "got %d values for %d rows, expected 1 to %d rows of %d", len(x), n, t.batch, t.s.rowSize())
	}
	value, last, err := t.gradient(x, n, loss)
	if err != nil {
		return value, err
	}
	raw, norm := t.clip.Clip()
	rate := float64(lr)
	switch {
	case !(raw <= maxUpdate):
		err = t.diverged("gradient norm is %g at loss %g", raw, value)
	case !(rate >= 0 && rate <= maxUpdate && rate*norm <= maxUpdate):
		err = t.diverged("learning rate is %g at gradient norm %g", lr, norm)
	}
	if err != nil {
		t.putBack()
		return value, err
	}
	last.Commit()
	t.step++
	t.opt.Step(t.step, lr, optim.ClipScale(norm, t.opt.Settings().ClipNorm))
	if t.maxNorm != nil {
		t.maxNorm.Apply()
	}
	if t.average != nil {
		t.average.Update(t.step)
	}
	return value, nil
}

// gradient fills the gradients of the mean loss over all rows. The running
// statistics of the last pass are not yet committed.
func (t *Trainer) gradient(x []float32, n int, loss Loss) (value float64, p *graph.Plan, err error) {
	parts := 1
	if t.sum != nil {
		parts = t.parts(n)
		t.keep()
	}
	for i := range parts {
		lo, hi := i*n/parts, (i+1)*n/parts
		if i > 0 {
			p.Commit()
		}
		if p, err = t.plan(hi - lo); err != nil {
			t.putBack()
			return 0, nil, err
		}
		p.SetRandom(t.seed+uint64(i)*0x9e3779b97f4a7c15, t.step)
		p.Forward(x[lo*t.s.rowSize() : hi*t.s.rowSize()])
		if err := p.Err(); err != nil {
			t.putBack()
			return 0, nil, named(err, t.s.g.Name)
		}
		dz := p.OutputGrad(0)
		t.pass = p
		_, dh := t.Projected()
		clear(dh)
		part := loss(lo, hi, p.Output(0), dz)
		t.pass = nil
		if math.IsNaN(part) || math.IsInf(part, 0) {
			t.putBack()
			return part, nil, t.diverged("loss is %g", part)
		}
		share := float64(hi-lo) / float64(n)
		value += float64(part * share)
		if parts > 1 {
			for _, d := range [][]float32{dz, dh} {
				for j := range d {
					d[j] *= float32(share)
				}
			}
		}
		p.Backward()
		if t.sum != nil {
			t.sum.Add(i == 0)
		}
	}
	return value, p, nil
}

// parts is how many passes a step of n rows is cut into.
func (t *Trainer) parts(n int) int { return max(1, min(t.opt.Settings().Accumulate, n/2)) }

// largestPart is the size of the largest of the parts that n rows are cut into.
func largestPart(n, parts int) int { return (n + parts - 1) / parts }

// keep copies the running statistics, which the passes of a step that is cut
// change one after another.
func (t *Trainer) keep() {
	i := 0
	for _, p := range t.g.Params {
		if p.Role == graph.State {
			copy(t.kept[i], p.Data)
			i++
		}
	}
}

// putBack undoes what a failed step that is cut did to the running statistics.
func (t *Trainer) putBack() {
	if t.sum == nil {
		return
	}
	i := 0
	for _, p := range t.g.Params {
		if p.Role == graph.State {
			copy(p.Data, t.kept[i])
			i++
		}
	}
}

// Averaged calls f while the student has the moving averages of its weights
// and running statistics, where the settings ask for them.
func (t *Trainer) Averaged(f func() error) error {
	if t.average == nil {
		return f()
	}
	t.average.Swap()
	defer t.average.Swap()
	return f()
}

// Finish leaves the student with the moving averages, where the settings ask
// for them. The trainer is of no further use.
func (t *Trainer) Finish() {
	if t.average != nil {
		t.average.Swap()
	}
}

func (t *Trainer) diverged(format string, args ...any) error {
	return fault.New(fault.Diverged, "", fmt.Sprintf("step %d", t.step+1), format+": lower the learning rate or clip the gradient", args...)
}

// Profile keeps the time of every op of whole batches from now on.
func (t *Trainer) Profile() { t.full.Profile() }

// Times lists what the ops have taken since Profile.
func (t *Trainer) Times() []graph.OpTime { return t.full.Times() }

// maxShort is how many plans are kept beside the one of whole batches: two for
// the parts of a whole batch and of a short last one.
const maxShort = 3

// plan is the training plan for n rows, made when that size first comes.
func (t *Trainer) plan(n int) (*graph.Plan, error) {
	if n == t.full.Batch {
		return t.full, nil
	}
	if p := t.short[n]; p != nil {
		return p, nil
	}
	p, err := t.g.NewPlan(n, t.grads)
	if err != nil {
		return nil, err
	}
	if len(t.short) >= maxShort || t.sum == nil {
		clear(t.short)
	}
	t.short[n] = p
	return p, nil
}
