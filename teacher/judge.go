package teacher

import (
	"fmt"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
)

// judgeRows scores the targets z, (n, c.Classes), of the rows of l by what c
// teaches.
func (c *Contract) judgeRows(z []float32, l *look) verdict {
	switch c.Task {
	case dataset.MultiLabel:
		return judgeLabels(z, l.n, c.Classes, l.targetsOf(c))
	case dataset.Regression:
		return judgeValues(z, l.n, c.Classes, l.targetsOf(c))
	}
	return judge(z, l.n, c.Classes, l.y)
}

// targetsOf is what the rows say of c's labels or numbers, (n, Classes); nil
// where they say nothing of them.
func (l *look) targetsOf(c *Contract) []float32 {
	if c.Task != l.spec.Task || len(l.spec.Targets) != c.Classes || len(l.v) != l.n*c.Classes {
		return nil
	}
	return l.v
}

// judgeLabels scores n rows of logits z of labels each on their own,
// (n, labels), beside truth, of the same shape, NaN where nothing is known, or
// nil. right has one entry for each known label.
func judgeLabels(z []float32, n, labels int, truth []float32) verdict {
	v := verdict{usable: true}
	mean := make([]float64, labels)
	var of tally // each label on and off
	h := func(p float64) float64 { return entropy([]float64{p, 1 - p}) }
	for i, x := range z {
		p := 1 / (1 + math.Exp(-float64(x)))
		mean[i%labels] += p / float64(n)
		v.informed -= h(p) / float64(n)
		v.sure += max(p, 1-p) / float64(len(z))
		if truth != nil && truth[i] == truth[i] {
			right := (x > 0) == (truth[i] > 0.5)
			v.right = append(v.right, right)
			class := i % labels * 2
			if truth[i] > 0.5 {
				class++
			}
			of.add(class, right)
			if right {
				v.accuracy++
			}
		}
	}
	for _, p := range mean {
		v.informed += h(p)
	}
	v.accuracy /= float64(max(1, len(v.right)))
	v.recall = of.recall()
	return v
}

// judgeValues scores n rows of numbers z, (n, values), beside truth, as
// judgeLabels has it. Its accuracy is R², the mean over the values that vary.
func judgeValues(z []float32, n, values int, truth []float32) verdict {
	v := verdict{usable: true, fitted: true}
	if truth == nil {
		return v
	}
	counted := 0
	for j := range values {
		var known []int
		mean := 0.0
		for i := j; i < len(z); i += values {
			if truth[i] == truth[i] {
				known = append(known, i)
				mean += float64(truth[i])
			}
		}
		mean /= float64(max(1, len(known)))
		residual, total := 0.0, 0.0
		for _, i := range known {
			a, b := float64(truth[i])-float64(z[i]), float64(truth[i])-mean
			residual, total = residual+a*a, total+b*b
		}
		if total > 0 {
			v.accuracy += max(-1e9, 1-residual/total)
			counted++
		}
	}
	if counted > 0 {
		v.accuracy /= float64(counted)
		v.known = true
	}
	return v
}

// score is a verdict for people, labelled rows or labels known.
func (c *Contract) score(v verdict) string {
	if c.Task == dataset.Regression {
		return fmt.Sprintf("R² %.3f", v.accuracy)
	}
	return fmt.Sprintf("%.1f %%", 100*v.accuracy)
}

// useless begins the warnings of judgeUse.
const useless = "this teacher looks useless on these rows: "

// judgeUse warns of a teacher that has nothing to teach.
func (c *Contract) judgeUse(v verdict, labelled int, l *look) {
	switch c.Task {
	case dataset.Regression:
		if v.accuracy <= 0 {
			c.warn(useless+"its R² is %.3f, and always saying the mean would have 0", v.accuracy)
		}
		return
	case dataset.MultiLabel:
		if chance := commonest(l.targetsOf(c), c.Classes); v.accuracy <= chance {
			c.warn(useless+"it is right on %.1f %% of %d labels, and always saying the commoner of each would be on %.1f %%", 100*v.accuracy, len(v.right), 100*chance)
		}
		return
	}
	count := make([]int, c.Classes)
	for _, y := range l.y {
		if y >= 0 {
			count[y]++
		}
	}
	chance := float64(slices.Max(count)) / float64(labelled)
	switch {
	case v.accuracy <= chance:
		c.warn(useless+"it is right on %.1f %% of %d, and always saying the commonest class would be on %.1f %%", 100*v.accuracy, labelled, 100*chance)
	case v.accuracy < 0.5 || v.accuracy <= 2/float64(c.Classes) && c.Classes > 4:
		c.warn(useless+"it is right on only %.1f %% of %d", 100*v.accuracy, labelled)
	}
}

// commonest is the share of known labels that the commoner value of each has.
func commonest(truth []float32, labels int) float64 {
	on, known := make([]int, labels), make([]int, labels)
	for i, t := range truth {
		if t == t {
			known[i%labels]++
			if t > 0.5 {
				on[i%labels]++
			}
		}
	}
	right, all := 0, 0
	for j := range labels {
		right += max(on[j], known[j]-on[j])
		all += known[j]
	}
	return float64(right) / float64(max(1, all))
}
