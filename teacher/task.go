package teacher

import (
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// What guessKind says of the ends that a task can be read off.
const (
	endLogits    = "logits"
	endSigmoid   = "one sigmoid a class"
	endRegressor = "values of a regressor"
)

// taskAsked is the task that the options name. It is false for none.
func (o Options) taskAsked() (dataset.Task, bool) {
	switch {
	case o.Task == "multi-class" || o.Task == "binary":
		return dataset.MultiClass, true
	case o.Task == "multi-label":
		return dataset.MultiLabel, true
	case o.Task == "regression" || o.Kind == Values:
		return dataset.Regression, true
	}
	return dataset.MultiClass, false
}

// wantedTask is the task as asked for, else that of the rows.
func (t *Teacher) wantedTask(spec dataset.Spec) dataset.Task {
	if task, ok := t.o.taskAsked(); ok {
		return task
	}
	return spec.Task
}

// wantedNames are the names of the rows' classes, labels or numbers for the
// task; none where the rows are of another task.
func wantedNames(task dataset.Task, spec dataset.Spec) []string {
	switch {
	case task != spec.Task:
		return nil
	case task == dataset.MultiClass:
		return spec.Classes
	}
	return spec.Targets
}

// wantedClasses is how many columns the output should have; 0 when nothing
// says.
func (t *Teacher) wantedClasses(spec dataset.Spec) int {
	n := len(wantedNames(t.wantedTask(spec), spec))
	if n == 0 && t.o.Task == "binary" {
		n = 2
	}
	return n
}

// settleTask concludes what the output v of the first rows teaches, raw
// numbers a row, and what its numbers stand for.
func (t *Teacher) settleTask(c *Contract, v ort.Value, raw int, l *look) error {
	n := int(v.Shape[0])
	label := oneLabel(v, n)
	asked, given := t.o.taskAsked()
	switch known := len(l.spec.Classes) > 0 || l.spec.Task != dataset.MultiClass; {
	case given:
		c.Task = asked
		name := t.o.Task
		if name == "" || name == "auto" {
			name = "regression"
		}
		c.why("task: %s, as given", name)
	case known:
		c.Task = l.spec.Task
		c.why("task: %s, as the rows' labels say", taskName(c.Task, len(l.spec.Classes)))
	default:
		c.Task, _ = t.guessTask(c, v, raw)
	}
	if c.Task == dataset.Regression {
		if v.DType == onnx.String {
			return fault.New(fault.Input, t.path, "output "+c.Output, "gives texts, expected numbers for a regression")
		}
		c.Kind = Values
		if len(v.Shape) > 2 {
			c.Shape = slices.Clone(v.Shape[1:])
		}
		t.settleScale(c, v, raw)
		return nil
	}
	forced := t.o.Kind
	switch {
	case forced == Labels && raw != 1 && c.Task == dataset.MultiClass:
		return fault.New(fault.Input, t.path, "output "+c.Output, "gives %d numbers a row, expected one label", raw)
	case label && forced != "" && forced != Auto && forced != Labels:
		return fault.New(fault.Input, t.path, "output "+c.Output, "gives one %s a row: labels, not the %s that were asked for", v.DType, forced)
	case label && c.Task == dataset.MultiLabel && v.DType == onnx.String:
		return fault.New(fault.Input, t.path, "output "+c.Output, "gives one text a row, expected a score for each label")
	case label, forced == Labels, t.wholeLabels(c, v, raw, l):
		c.Kind = Labels
	case c.Task == dataset.MultiLabel && !scored(v) && binaryValues(scores(nil, v)):
		c.Kind = Labels
		c.why("output kind: %s, 0 or 1 for each label and no scores: the one given gets a probability of %g (--teacher-smoothing)", Labels, 1-t.smoothing())
	default:
		t.settleScale(c, v, raw)
	}
	if c.Kind == Labels {
		c.Smoothing = t.smoothing()
	}
	return nil
}

// smoothing is what a teacher that only gives labels leaves to the others.
func (t *Teacher) smoothing() float32 {
	if t.o.Smoothing == 0 {
		return DefaultSmoothing
	}
	return float32(t.o.Smoothing)
}

// guessTask reads the task of rows that have no labels off the output.
func (t *Teacher) guessTask(c *Contract, v ort.Value, raw int) (dataset.Task, string) {
	end, x := t.graph.ends[c.Output], scores(nil, v)
	within := !slices.ContainsFunc(x, func(p float32) bool { return !(p >= 0 && p <= 1) })
	named := slices.ContainsFunc(t.graph.names, func(l nameList) bool { return len(l.names) == raw })
	task, why := dataset.MultiClass, "of rows without labels the output's scores decide"
	switch {
	case oneLabel(v, int(v.Shape[0])):
		why = "the output gives one label a row"
	case end == endRegressor:
		task, why = dataset.Regression, "the graph ends in a regressor"
	case raw == 1 && end == endSigmoid && within:
		why = "the output is one sigmoid"
	case raw == 1:
		task, why = dataset.Regression, "the output is one number a row, and no sigmoid"
	case named:
		why = "the model names its classes"
	case end == endSigmoid && within:
		if kind, _ := kindOf(x, raw, t.tolerance(c, raw)); kind == Sigmoids {
			task, why = dataset.MultiLabel, "the output is several sigmoids whose rows do not sum to 1"
		}
	}
	c.why("task: %s, %s", taskName(task, max(raw, 2)), why)
	return task, why
}

// binaryValues tells whether all of x are 0 or 1.
func binaryValues(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return v != 0 && v != 1 })
}

// wholeLabels tells whether one column of floats is labels: whole numbers that
// are labels of the rows, which have more than two classes.
func (t *Teacher) wholeLabels(c *Contract, v ort.Value, raw int, l *look) bool {
	classes := len(l.spec.Classes)
	if raw != 1 || classes < 3 || c.Task != dataset.MultiClass || !scored(v) {
		return false
	}
	return !slices.ContainsFunc(scores(nil, v), func(x float32) bool {
		return x != float32(math.Trunc(float64(x))) || !(x >= 0 && int(x) <= classes)
	})
}

// settleScale finds what the numbers of v stand for, where that is not
// themselves: integers of a quantised model, or shares of a whole.
func (t *Teacher) settleScale(c *Contract, v ort.Value, raw int) {
	q, known := t.graph.quants[c.Output]
	integers := !scored(v)
	if integers && known {
		c.Scale, c.Zero = q.scale, q.zero
		c.why("output scale: %s (q − %g)·%g, by the node that makes it", v.DType, q.zero, q.scale)
		return
	}
	if c.Task != dataset.MultiClass || t.o.Kind != "" && t.o.Kind != Auto && t.o.Kind != Probabilities {
		return
	}
	x := scores(nil, v)
	if v.DType == onnx.Int8 {
		for i := range x {
			x[i] += 128
		}
	}
	scale, whole, ok := shares(x, raw)
	if ok {
		c.Scale = scale
		if v.DType == onnx.Int8 {
			c.Zero = -128
		}
		c.why("output scale: every row is ≥ 0 and sums to %.4g, so the numbers are shares of that: votes, percentages or a quantised softmax", whole)
		return
	}
	if integers && raw > 1 {
		c.warn("output %q gives %s without a scale: they are taken as logits as they are, whose temperature is unknown; if they are large or small, --temperature must make up for it", c.Output, v.DType)
	}
}
