package teacher

import (
	"fmt"
	"slices"
	"strings"
)

// explainRange says why the range was chosen.
func (t *Teacher) explainRange(c *Contract, tries []candidate, v []verdict, best, labelled int) {
	if len(tries) == 1 {
		line := "input range: " + tries[0].text
		if labelled > 0 {
			line += fmt.Sprintf(" (%.1f %% of %d labelled rows right)", 100*v[0].accuracy, labelled)
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
		case labelled > 0:
			others = append(others, fmt.Sprintf("%s gives %.1f %%", x.text, 100*v[i].accuracy))
		default:
			others = append(others, fmt.Sprintf("%s is %.1f %% sure", x.text, 100*v[i].sure))
		}
	}
	rest := strings.Join(others, ", ")
	if labelled > 0 {
		c.why("input range: %s (%.1f %% of %d labelled rows right; %s)", tries[best].text, 100*v[best].accuracy, labelled, rest)
		return
	}
	c.why("input range: %s (on average %.1f %% sure of its class; %s)", tries[best].text, 100*v[best].sure, rest)
	c.warn("the input range is a guess, for no row has a label: give labelled rows or name the range")
}

// explainKind says what the output means and what is odd about it.
func (t *Teacher) explainKind(c *Contract, x []float32, raw int) {
	seen, ground := kindOf(x, raw)
	forced := t.o.Kind != "" && t.o.Kind != Auto
	switch {
	case c.OneColumn && !forced && c.Kind == Probabilities:
		ground = "one column from 0 to 1"
	case c.OneColumn && !forced:
		ground = "one column that leaves 0 to 1"
	case forced:
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
	if c.Kind == Probabilities {
		line += fmt.Sprintf("; logits are their logarithms, from %.0e on", c.Floor)
	}
	c.why("%s", line)
	if c.Kind == Logits && raw > 1 && strings.HasPrefix(ground, "values from 0 to 1") {
		c.warn("output %q looks like one sigmoid a class: its values are taken as logits", c.Output)
	}
	if c.Kind == Probabilities && !slices.ContainsFunc(x, func(p float32) bool { return p > 1e-6 && p < 1-1e-6 }) {
		c.warn("output %q gives only 0 and 1: it teaches no more than hard labels do", c.Output)
	}
}

// judgeUse warns of a teacher that has nothing to teach.
func (c *Contract) judgeUse(accuracy float64, labelled int, y []int32) {
	count := make([]int, c.Classes)
	for _, l := range y {
		if l >= 0 {
			count[l]++
		}
	}
	chance := float64(slices.Max(count)) / float64(labelled)
	switch {
	case accuracy <= chance:
		c.warn("this teacher looks useless on these rows: it is right on %.1f %% of %d, and always saying the commonest class would be on %.1f %%", 100*accuracy, labelled, 100*chance)
	case accuracy < 0.5 || accuracy <= 2/float64(c.Classes) && c.Classes > 4:
		c.warn("this teacher looks useless on these rows: it is right on only %.1f %% of %d", 100*accuracy, labelled)
	}
}
