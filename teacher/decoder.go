package teacher

import (
	"math"

	"github.com/kdonnx/kdonnx/dataset"
)

const (
	// logZero stands for the logarithm of a probability that underflowed to 0
	// in float32, whose smallest positive value has the logarithm -103.28.
	logZero = -104
	// nearOne is the least that a float32 probability below 1 leaves to it.
	nearOne = 1.0 / (1 << 24)
)

// decoder turns rows of raw numbers into targets: the logits of classes, the
// logits of labels each on its own, or values.
type decoder struct {
	kind      Kind
	task      dataset.Task
	raw       int     // numbers of a row
	classes   int     // targets of a row
	columns   []int   // raw column of each class; nil: in order
	merged    [][]int // instead, where a class has several
	oneColumn bool
	floor     float32
	smoothing float32
	classOf   []int     // of Labels with one number a row: class of each label; -1: none
	work      []float32 // (raw) for merging
}

func (c *Contract) decoder() decoder {
	d := decoder{kind: c.Kind, task: c.Task, raw: c.Classes, classes: c.Classes, columns: c.Columns, merged: c.Merged,
		oneColumn: c.OneColumn, floor: c.Floor, smoothing: c.Smoothing}
	switch {
	case c.OneColumn:
		d.raw = 1
	case c.LabelTexts != nil:
		d.raw, d.classOf = 1, c.classOf()
	case c.Raw > 0:
		d.raw = c.Raw
	}
	d.work = make([]float32, d.raw)
	return d
}

// classOf is the class that each of LabelTexts stands for, or -1.
func (c *Contract) classOf() []int {
	of := make([]int, len(c.LabelTexts))
	for i := range of {
		of[i] = i
		if c.Columns != nil || c.Merged != nil {
			of[i] = -1
		}
	}
	for class, label := range c.Columns {
		of[label] = class
	}
	for class, labels := range c.Merged {
		for _, label := range labels {
			of[label] = class
		}
	}
	return of
}

// logits writes the targets of n rows of raw numbers to dst, (n, classes). It
// returns the first row that is not finite, or -1.
func (d decoder) logits(dst, raw []float32, n int) (bad int) {
	for r := range n {
		x, z := raw[r*d.raw:(r+1)*d.raw], dst[r*d.classes:(r+1)*d.classes]
		for _, v := range x {
			if v-v != 0 && !(d.kind == LogProbabilities && v < 0) {
				return r
			}
		}
		switch {
		case d.classOf != nil:
			d.oneHot(z, int(x[0]))
		case d.oneColumn:
			first, second := float32(0), x[0]
			switch d.kind {
			case Probabilities, Sigmoids: // of one number the same
				first, second = d.log(1-x[0]), d.log(x[0])
			case LogProbabilities:
				second = max(x[0], logZero)
				first = float32(math.Log(max(-math.Expm1(float64(x[0])), nearOne)))
			}
			if d.columns != nil { // both in the other order
				first, second = second, first
			}
			z[0], z[1] = first, second
		case d.merged != nil:
			for j, v := range x {
				d.work[j] = d.value(v)
			}
			for j, columns := range d.merged {
				z[j] = d.merge(columns)
			}
		default:
			for j := range z {
				at := j
				if d.columns != nil {
					at = d.columns[j]
				}
				z[j] = d.value(x[at])
			}
		}
	}
	return -1
}

// oneHot writes the logits of a label that the teacher gave alone, smoothed; of
// one that is none of the classes those of knowing nothing.
func (d decoder) oneHot(z []float32, label int) {
	class := d.classOf[label]
	if class < 0 {
		clear(z)
		return
	}
	rest := float32(math.Log(float64(d.smoothing) / float64(max(1, len(z)-1))))
	for j := range z {
		z[j] = rest
	}
	z[class] = float32(math.Log(1 - float64(d.smoothing)))
}

// merge is the logit of a class that is any of the given columns of work. Of
// one class a row their probabilities add up, log Σ exp z; labels each on their
// own are independent, 1−p = Π(1−p).
func (d decoder) merge(columns []int) float32 {
	if d.task == dataset.MultiLabel {
		none := 0.0 // log Π(1−p)
		for _, at := range columns {
			none -= softplus(float64(d.work[at]))
		}
		return float32(math.Log(-math.Expm1(none)) - none)
	}
	top := math.Inf(-1)
	for _, at := range columns {
		top = max(top, float64(d.work[at]))
	}
	sum := 0.0
	for _, at := range columns {
		sum += math.Exp(float64(d.work[at]) - top)
	}
	return float32(top + math.Log(sum))
}

// softplus is log(1+exp(x)).
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// value is the target that one raw number gives.
func (d decoder) value(v float32) float32 {
	switch {
	case d.kind == Sigmoids, d.kind == Probabilities && d.task == dataset.MultiLabel:
		p := float64(max(v, d.floor))
		return float32(math.Log(p) - math.Log(max(1-p, nearOne)))
	case d.kind == Probabilities:
		return d.log(v)
	case d.kind == Labels: // a 0 or 1 for each label
		z := float32(math.Log(float64(1-d.smoothing) / float64(d.smoothing)))
		if v > 0.5 {
			return z
		}
		return -z
	case d.kind == LogProbabilities:
		if v-v != 0 {
			v = logZero
		}
		if d.task == dataset.MultiLabel { // log p − log(1−p)
			return float32(float64(v) - math.Log(max(-math.Expm1(float64(v)), nearOne)))
		}
	}
	return v
}

func (d decoder) log(p float32) float32 {
	return float32(math.Log(float64(max(p, d.floor))))
}
