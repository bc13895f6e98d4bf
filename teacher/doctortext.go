package teacher

import (
	"fmt"
	"slices"
	"strings"
)

// Verdict is the diagnosis in a few words.
func (d *Diagnosis) Verdict() string {
	some := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	switch d.Worst() {
	case Problem:
		return some(d.count(Problem), "problem") + ": mend that before you distil"
	case Warning:
		return "usable, with " + some(d.count(Warning), "warning")
	}
	return "healthy"
}

// Warnings are the findings that a run should tell of, one line each, with what
// the contract warns of.
func (d *Diagnosis) Warnings() []string {
	var out []string
	for _, f := range d.Findings {
		if f.Level == Problem || f.Level == Warning {
			line := f.Says
			if f.Advice != "" {
				line += "; " + f.Advice
			}
			out = append(out, line)
		}
	}
	return out
}

// Summary is what was measured, in one line.
func (d *Diagnosis) Summary() string {
	var parts []string
	switch {
	case d.Accuracy != nil && d.Low != nil:
		parts = append(parts, fmt.Sprintf("%s of %d labelled rows right (95 %% interval %s to %s)", share(*d.Accuracy), d.Labelled, share(*d.Low), share(*d.High)))
	case d.Accuracy != nil:
		parts = append(parts, fmt.Sprintf("%s of the labels of %d rows right", share(*d.Accuracy), d.Labelled))
	case d.R2 != nil:
		parts = append(parts, fmt.Sprintf("R² %.3f on %d rows", *d.R2, d.Labelled))
	default:
		parts = append(parts, fmt.Sprintf("%d rows, without labels", d.Rows))
	}
	if d.Guessing != nil {
		parts = append(parts, "guessing "+share(*d.Guessing))
	}
	if d.NearestMean != nil {
		parts = append(parts, "nearest class mean "+share(*d.NearestMean))
	}
	if d.Sure != nil {
		parts = append(parts, "on average "+share(*d.Sure)+" sure")
	}
	return strings.Join(parts, ", ")
}

// Short is the diagnosis in a few lines: the verdict, and what is not fine.
func (d *Diagnosis) Short() []string {
	lines := []string{d.Verdict() + ": " + d.Summary()}
	for _, f := range d.Findings {
		if (f.Level == Problem || f.Level == Warning) && f.Name != "contract" { // the contract has said so
			line := string(f.Level) + ": " + f.Says
			if f.Advice != "" {
				line += " → " + f.Advice
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// shownTries is how many of the preprocessings tried are shown to people.
const shownTries = 8

// String is the whole diagnosis for people.
func (d *Diagnosis) String() string {
	var b strings.Builder
	if d.Contract != nil {
		fmt.Fprintf(&b, "%-9s %s\n", "teacher", d.Contract.outputLine())
		fmt.Fprintf(&b, "%-9s %s\n", "input", d.Contract.Preprocess)
	}
	if d.Accuracy != nil || d.R2 != nil || d.Contract != nil {
		fmt.Fprintf(&b, "%-9s %s\n", "rows", d.Summary())
	}
	for i, x := range d.Confused {
		head := ""
		if i == 0 {
			head = "confused"
		}
		fmt.Fprintf(&b, "%-9s %s taken for %s in %d rows\n", head, x.Label, x.Given, x.Rows)
	}
	b.WriteString("\n")
	for _, f := range d.Findings {
		fmt.Fprintf(&b, "%-9s %s: %s\n", f.Level, f.Name, f.Says)
		if f.Advice != "" {
			fmt.Fprintf(&b, "%-9s → %s\n", "", f.Advice)
		}
	}
	if len(d.Tries) > 0 {
		fmt.Fprintf(&b, "\npreprocessings tried, on %d rows\n", d.Tries[0].Rows)
		shown := slices.Clone(d.Tries)
		slices.SortStableFunc(shown, func(a, b Try) int {
			switch {
			case a.order() > b.order():
				return -1
			case a.order() < b.order():
				return 1
			}
			return 0
		})
		for i, x := range shown {
			if i < shownTries || x.Now {
				fmt.Fprintf(&b, "  %s\n", x.text(d.R2 != nil))
			}
		}
		if rest := len(shown) - shownTries; rest > 0 {
			fmt.Fprintf(&b, "  and %d more, none better (--json lists all)\n", rest)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", d.Verdict())
	return b.String()
}
