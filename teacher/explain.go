package teacher

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
)

// explainRange says why the range was chosen.
func (t *Teacher) explainRange(c *Contract, tries []candidate, v []verdict, best, labelled int) {
	of := fmt.Sprintf("of %d labelled rows right", labelled)
	known := len(v[best].right) > 0 || v[best].known
	if n := len(v[best].right); n > labelled {
		of = fmt.Sprintf("of %d labels of %d rows right", n, labelled)
	}
	if v[best].fitted {
		of = fmt.Sprintf("on %d rows", labelled)
	}
	if len(tries) == 1 {
		line := "input range: " + tries[0].text
		if known {
			line += fmt.Sprintf(" (%s %s)", c.score(v[0]), of)
		}
		c.why("%s", line)
		return
	}
	var others []string
	for i, x := range tries {
		switch {
		case i == best:
		case !v[i].usable:
			others = append(others, x.text+" gives values that are not finite")
		case known:
			others = append(others, fmt.Sprintf("%s gives %s", x.text, c.score(v[i])))
		case v[i].fitted:
			others = append(others, x.text)
		default:
			others = append(others, fmt.Sprintf("%s is %.1f %% sure", x.text, 100*v[i].sure))
		}
	}
	rest := strings.Join(others, ", ")
	switch {
	case known:
		c.why("input range: %s (%s %s; %s)", tries[best].text, c.score(v[best]), of, rest)
		return
	case v[best].fitted:
		c.why("input range: %s, the plainest (not looked at further: %s)", tries[best].text, rest)
		c.warn("the input range is a guess, for nothing says what the values should be: name it by --teacher-input")
		return
	}
	c.why("input range: %s (on average %.1f %% sure of its class; %s)", tries[best].text, 100*v[best].sure, rest)
	c.warn("the input range is a guess, for no row has a label: give labelled rows or name the range")
}

// onlyHard is what explainKind warns of scores that are none.
const onlyHard = "gives only 0 and 1: it teaches no more than hard labels do"

// explainKind says what the output means and what is odd about it. x are the
// numbers that it gave, rows of raw.
func (t *Teacher) explainKind(c *Contract, x []float32, raw int) {
	if c.Kind == Labels || c.Kind == Values {
		return // said when it was settled
	}
	seen, ground := t.see(c, x, raw)
	if t.o.Kind != "" && t.o.Kind != Auto {
		c.why("output kind: %s, as given", c.Kind)
		if seen != c.Kind && !c.OneColumn {
			c.warn("output %q was said to be %s, but looks like %s: %s", c.Output, c.Kind, seen, ground)
		}
		return
	}
	line := fmt.Sprintf("output kind: %s, %s", c.Kind, ground)
	name := strings.ToLower(c.Output)
	if hint := strings.Contains(name, "prob") || strings.Contains(name, "softmax"); hint && c.Kind != Probabilities {
		line += fmt.Sprintf(", whatever the name %q says", c.Output)
	} else if strings.Contains(name, "logit") && c.Kind != Logits {
		line += fmt.Sprintf(", whatever the name %q says", c.Output)
	}
	switch c.Kind {
	case Probabilities:
		line += fmt.Sprintf("; logits are their logarithms, from %.0e on", c.Floor)
	case Sigmoids:
		line += fmt.Sprintf("; logits are log(p/(1−p)), p from %.0e on", c.Floor)
	}
	c.why("%s", line)
	if c.Kind == Sigmoids && c.Task == dataset.MultiClass {
		c.warn("output %q gives a probability for each class on its own, the rows have one class each: the teacher's distribution is that of exactly one of them being so, softmax of log(p/(1−p)); --teacher-task multi-label and --teacher-kind say otherwise", c.Output)
	}
	if c.Kind == Logits && c.Task == dataset.MultiClass && strings.HasPrefix(ground, "values from 0 to 1") {
		c.warn("output %q gives values from 0 to 1, which are taken as logits: if they are one sigmoid a class, say --teacher-kind sigmoids", c.Output)
	}
	if (c.Kind == Probabilities || c.Kind == Sigmoids) && !slices.ContainsFunc(x, func(p float32) bool { return p > 1e-6 && p < 1-1e-6 }) {
		before := ""
		if inner := t.graph.before[c.Output]; inner != "" {
			before = fmt.Sprintf("; what it was made of may tell more: --teacher-output %q", inner)
		}
		c.warn("output %q "+onlyHard+"%s", c.Output, before)
	}
}
