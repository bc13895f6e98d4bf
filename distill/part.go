package distill

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Part makes a trial the training of a specialist on the rows of its session:
// its classes are groups of the session's, what the teacher said of a group is
// the sum of its soft targets, and an epoch reads a sample of the rows. The
// teacher is asked no more: its answers are those of the session, joined as they
// are read.
type Part struct {
	Groups [][]int         // classes of the session that are one here; each at least one
	Bias   []float32       // added to what the teacher said of each group, as logits; nil: nothing
	Train  dataset.Source  // the transfer set, or some of it, labelled by groups
	Epochs dataset.Sampler // of the rows of Train
	Val    dataset.Source  // of the validation rows, labelled by groups: they choose the epoch; nil: the last is kept
}

// take makes d a training of the part.
func (p *Part) take(d *run, role string) error {
	c := d.teacher.classes
	switch {
	case d.task != dataset.MultiClass:
		return fault.New(fault.Usage, "", "task", "got %s, expected %s: parts are of classes", d.task, dataset.MultiClass)
	case role != RoleStudent || d.teacher.targets == nil:
		return fault.New(fault.Usage, "", "role", "got %s without soft targets, expected a student that is taught", role)
	case d.recipe.Loss.Hint != "":
		return fault.New(fault.Usage, "", "--hint", "got %q, which a specialist does not learn from", d.recipe.Loss.Hint)
	case p.Epochs.Len() == 0:
		return fault.New(fault.Usage, "", "part", "an epoch has no rows")
	}
	if p.Bias != nil && len(p.Bias) != len(p.Groups) {
		return fault.New(fault.Usage, "", "part", "got %d biases, expected one for each of %d groups", len(p.Bias), len(p.Groups))
	}
	for i, g := range p.Groups {
		for _, k := range g {
			if k < 0 || k >= c {
				return fault.New(fault.Usage, "", fmt.Sprintf("group %d", i), "got class %d, expected 0 to %d", k, c-1)
			}
		}
		if len(g) == 0 {
			return fault.New(fault.Usage, "", fmt.Sprintf("group %d", i), "is empty, expected classes")
		}
	}
	own := *d.teacher
	own.classes, own.test, own.hint = len(p.Groups), own.targets, nil
	data := *d.data
	data.Transfer, data.Labelled, data.Val, data.Test = p.Train, p.Train, p.Val, p.Train
	if p.Val != nil {
		data.Test = p.Val
	}
	d.part, d.teacher, d.data = p, &own, &data
	return nil
}

// checkVaries refuses a variation whose rows nobody can say the groups of.
func (p *Part) checkVaries(v *variation) error {
	if v != nil && (v.mixer != nil || !v.mode.stored()) {
		return fault.New(fault.Usage, "", "--augment", "got %q with --teacher-mode %s, expected rows that are not mixed, and what the teacher said of them as they are: a specialist's rows are of classes", v.text, v.mode)
	}
	return nil
}

// join puts what the teacher said of n rows, z of (n, classes of the session),
// into out, (n, groups): logits whose softmax at temperature t is the sum of the
// soft targets at t, out_g = t·log Σ_{k∈g} exp(z_k/t), with the biases on top.
func (p *Part) join(z, out []float32, t float64) {
	groups := len(p.Groups)
	n := len(out) / groups
	if n == 0 {
		return
	}
	c := len(z) / n
	for i := range n {
		row := z[i*c : (i+1)*c]
		for g, classes := range p.Groups {
			out[i*groups+g] = logSum(row, classes, t)
			if p.Bias != nil {
				out[i*groups+g] += p.Bias[g]
			}
		}
	}
}

// logSum is t·log Σ exp(z_k/t) over the given classes.
func logSum(z []float32, classes []int, t float64) float32 {
	if len(classes) == 1 {
		return z[classes[0]]
	}
	top := math.Inf(-1)
	for _, k := range classes {
		top = max(top, float64(z[k]))
	}
	sum := 0.0
	for _, k := range classes {
		sum += math.Exp((float64(z[k]) - top) / t)
	}
	return float32(top + float64(t*math.Log(sum)))
}

// identify adds to id what the weights of a specialist depend on besides.
func (p *Part) identify(id map[string]string) {
	id["groups"], id["biases"], id["sample"] = fmt.Sprint(p.Groups), fmt.Sprint(p.Bias), p.Epochs.String()
}
