package distill

import (
	"fmt"

	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/student"
)

// hintTerm is the hint of one course: what is added to its loss.
type hintTerm struct {
	*loss.Hint
	projection *student.Projection
	epochs     int // that it acts in, from the first; 0: all
	where      string
}

// hintOf is the hint that net learns from in a role; nil without one.
func (d *run) hintOf(role string, net *student.Student) (*hintTerm, error) {
	from, to, ok := d.recipe.Loss.hintNames()
	if !ok || role != RoleStudent {
		return nil, nil
	}
	h, l := d.teacher.hint, d.recipe.Loss
	if h == nil || h.value != from {
		return nil, fault.New(fault.Usage, "", "--hint", "got %q, which is not the hint that the session was opened with", l.Hint)
	}
	if err := hasValue(d.recipe.Student.Arch, to, net.Values()); err != nil {
		return nil, err
	}
	p, err := net.Project(to, h.shape, d.recipe.Train.Seed)
	if err != nil {
		return nil, fault.New(fault.KindOf(err), "", "--hint", "%w", err)
	}
	term, err := loss.NewHint(l.HintWeight, h.mean, h.std)
	if err != nil {
		return nil, fault.At(h.targets.Dir(), err)
	}
	where := fmt.Sprintf("h the student's %q, r a %s, u the teacher's %q with mean μ and deviation σ", to, p, from)
	if l.HintEpochs > 0 {
		where += fmt.Sprintf(", in the first %d epochs", l.HintEpochs)
	}
	return &hintTerm{term, p, l.HintEpochs, where}, nil
}

// acts tells whether the term is part of the loss in an epoch, counted from 0.
func (h *hintTerm) acts(epoch int) bool { return h != nil && (h.epochs == 0 || epoch < h.epochs) }

// formula is base with the hint's term.
func (h *hintTerm) formula(base string) string {
	if h == nil {
		return base
	}
	return base + "; plus " + h.Formula() + ": " + h.where
}

// eval gives the term of rows lo to hi−1 of m without its weight, and puts its
// gradient where the trainer wants it while it acts.
func (h *hintTerm) eval(t *student.Trainer, m *mini, lo, hi int, acts bool) float64 {
	r, grad := t.Projected()
	if !acts {
		grad = nil // and so 0
	}
	d := h.projection.Size()
	return h.Eval(hi-lo, r, m.hint[lo*d:hi*d], grad)
}
