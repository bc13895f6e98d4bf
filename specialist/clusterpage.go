package specialist

import (
	"fmt"
	"strings"

	"github.com/kdonnx/kdonnx/distill/report"
)

// shownClasses bounds the classes that a line names.
const shownClasses = 20

// shown are classes for people.
func shown(classes []string) string {
	if len(classes) > shownClasses {
		return strings.Join(classes[:shownClasses], " ") + " …"
	}
	return strings.Join(classes, " ")
}

// Sentences say what came out.
func (c *Clustering) Sentences() []string {
	r := c.Covered
	lines := []string{upperFirst(c.About()) + "."}
	if r.Errors > 0 {
		lines = append(lines, fmt.Sprintf("Of %d wrong answers on %d labelled rows %d (%.1f %%) have their label in a set with the answer.", r.Errors, r.Labelled, r.ErrorsIn, 100*float64(r.ErrorsIn)/float64(r.Errors)))
	}
	if n := len(c.Outside); n > 0 {
		lines = append(lines, fmt.Sprintf("%d of %d classes are in no set: %s", n, len(c.Classes), shown(c.Outside)))
	}
	return lines
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// Page is what the page shows.
func (c *Clustering) Page() *report.Clusters {
	p := &report.Clusters{Title: "What " + c.Model + " confuses", Sentences: c.Sentences(), Notes: c.Notes, Classes: c.Classes, Confusion: c.Confusion, Labelled: c.Covered.Labelled}
	for _, one := range c.Clusters {
		p.Sets = append(p.Sets, report.ClusterSet{Classes: one.Indices, Confusion: one.Confusion, Errors: one.Errors})
	}
	return p
}
