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

// Trainer trains a student step by step. It is for one goroutine at a time,
// and nothing else may change the student's parameters between its steps
// except SetSnapshot.
type Trainer struct {
	s      *Student
	opt    optim.Optimizer
	batch  int
	seed   uint64
	step   uint64
	grads  graph.Gradients
	params []optim.Param
	full   *graph.Plan
	short  *graph.Plan // for the last size below batch that came
}

// NewTrainer prepares training of s with steps of at most batch rows. The
// optimiser is bound to s, its state zero; seed is that of dropout masks.
func NewTrainer(s *Student, opt optim.Optimizer, batch int, seed uint64) (*Trainer, error) {
	t := &Trainer{s: s, opt: opt, batch: batch, seed: seed, grads: s.g.NewGradients()}
	for i, p := range s.g.Params {
		if t.grads[i] != nil {
			t.params = append(t.params, optim.Param{Name: p.Name, Dims: p.Dims, Data: p.Data, Grad: t.grads[i]})
		}
	}
	if len(t.params) == 0 {
		return nil, fault.New(fault.Input, s.g.Name, "graph", "has no trainable weights")
	}
	var err error
	if t.full, err = s.g.NewPlan(batch, t.grads); err != nil {
		return nil, err
	}
	opt.Bind(t.params)
	return t, nil
}

// Student is the student in training.
func (t *Trainer) Student() *Student { return t.s }

// Steps is the number of steps done.
func (t *Trainer) Steps() uint64 { return t.step }

// Batch is the largest number of rows of one step.
func (t *Trainer) Batch() int { return t.batch }

// Step does one step on the rows x (n, InputShape), n ≤ batch, at learning
// rate lr, and gives the loss. The function loss gets the logits (n, Classes)
// and fills their gradient. When loss or gradient is NaN, Inf or beyond all
// measure the error is of kind Diverged, and when a row holds what the graph does
// not take, such as a token that an embedding does not have, of kind Input; then
// nothing has changed.
func (t *Trainer) Step(x []float32, n int, loss func(logits, dlogits []float32) float64, lr float32) (float64, error) {
	if n < 1 || n > t.batch || len(x) != n*t.s.rowSize() {
		return 0, fault.New(fault.Input, t.s.g.Name, "Step", "got %d values for %d rows, expected 1 to %d rows of %d", len(x), n, t.batch, t.s.rowSize())
	}
	p, err := t.plan(n)
	if err != nil {
		return 0, err
	}
	p.SetRandom(t.seed, t.step)
	p.Forward(x)
	if err := p.Err(); err != nil {
		return 0, named(err, t.s.g.Name)
	}
	value := loss(p.Output(0), p.OutputGrad(0))
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return value, t.diverged("loss is %g", value)
	}
	p.Backward()
	norm := optim.GlobalNorm(t.params)
	if !(norm <= maxUpdate) {
		return value, t.diverged("gradient norm is %g at loss %g", norm, value)
	}
	if rate := float64(lr); !(rate >= 0 && rate <= maxUpdate && rate*norm <= maxUpdate) {
		return value, t.diverged("learning rate is %g at gradient norm %g", lr, norm)
	}
	p.Commit()
	t.step++
	t.opt.Step(t.step, lr, optim.ClipScale(norm, t.opt.Settings().ClipNorm))
	return value, nil
}

func (t *Trainer) diverged(format string, args ...any) error {
	return fault.New(fault.Diverged, "", fmt.Sprintf("step %d", t.step+1), format+": lower the learning rate or clip the gradient", args...)
}

// Profile keeps the time of every op of whole batches from now on.
func (t *Trainer) Profile() { t.full.Profile() }

// Times lists what the ops have taken since Profile.
func (t *Trainer) Times() []graph.OpTime { return t.full.Times() }

// plan is the training plan for n rows: the one for whole batches, or one for
// a short last batch, kept until another size comes.
func (t *Trainer) plan(n int) (*graph.Plan, error) {
	if n == t.batch {
		return t.full, nil
	}
	if t.short == nil || t.short.Batch != n {
		p, err := t.s.g.NewPlan(n, t.grads)
		if err != nil {
			return nil, err
		}
		t.short = p
	}
	return t.short, nil
}
