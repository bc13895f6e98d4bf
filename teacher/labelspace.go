package teacher

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// columnsOf are the teacher's classes as columns of its output, and the rows'
// classes that they are matched with.
type columnsOf struct {
	n     int        // columns
	lists []nameList // names of the columns, the most trustworthy first
	rows  []string   // names of the rows' classes; empty when unknown
	word  string     // what they are called
}

// matchClasses settles how the output's columns are the rows' classes, labels
// or numbers. raw is the number of columns, lists their names.
func (t *Teacher) matchClasses(c *Contract, raw int, lists []nameList, l *look) error {
	m := columnsOf{n: raw, rows: wantedNames(c.Task, l.spec), word: "classes"}
	if c.Task == dataset.MultiLabel {
		m.word = "labels"
	}
	c.Classes = raw
	if c.Task == dataset.Regression {
		return t.matchValues(c, raw, m.rows)
	}
	if raw == 1 && c.Task == dataset.MultiClass && c.LabelTexts == nil {
		if k := len(m.rows); k != 2 && !(k == 0 && len(t.o.ClassMap) == 0) {
			return t.mismatch(c, m, l)
		}
		c.OneColumn, c.Classes, m.n = true, 2, 2
		c.why("classes: one column, taken as the score of class 1 of 2")
	}
	for _, list := range lists {
		if len(list.names) == m.n {
			m.lists = append(m.lists, list)
		}
	}
	if len(t.o.ClassMap) > 0 {
		if err := t.applyClassMap(c, m); err != nil {
			return err
		}
		return t.holdsLabels(c, m, l)
	}
	if len(m.rows) == 0 {
		if len(m.lists) > 0 {
			c.ClassNames = m.lists[0].names
			c.why("%s: %d, named by %s", m.word, m.n, m.lists[0].where)
		} else if !c.OneColumn {
			c.why("%s: %d, as many as the output has columns", m.word, m.n)
		}
		return t.holdsLabels(c, m, l)
	}
	for _, list := range m.lists {
		if len(list.names) != len(m.rows) && numbersOnly(list.names) {
			continue // some numbers of many say nothing
		}
		if order, how, ok := matchNames(list.names, m.rows); ok {
			c.take(m, order)
			c.ClassNames = slices.Clone(m.rows)
			t.explainMatch(c, m, list, how)
			return nil
		}
	}
	offending := slices.IndexFunc(l.labels, func(y int32) bool { return int(y) >= m.n })
	if m.n != len(m.rows) || offending >= 0 {
		return t.mismatch(c, m, l)
	}
	return t.takeOrder(c, m)
}

// holdsLabels requires that labels of rows whose classes have no names are
// classes of the teacher.
func (t *Teacher) holdsLabels(c *Contract, m columnsOf, l *look) error {
	at := slices.IndexFunc(l.labels, func(y int32) bool { return int(y) >= c.Classes })
	if c.Task != dataset.MultiClass || at < 0 {
		return nil
	}
	return fault.New(fault.Input, t.path, "output "+c.Output, "the teacher has %d %s, row %d has label %d; name which is which by --class-map", c.Classes, m.word, l.origin(at), l.labels[at])
}

// take makes column order[i] class i.
func (c *Contract) take(m columnsOf, order []int) {
	c.Classes = len(order)
	if c.Classes != m.n && c.LabelTexts == nil {
		c.Raw = m.n
	}
	if c.Classes == m.n && slices.IsSorted(order) {
		return
	}
	c.Columns = order
}

// explainMatch says how names matched.
func (t *Teacher) explainMatch(c *Contract, m columnsOf, list nameList, how string) {
	switch {
	case c.Columns == nil:
		c.why("%s: %d, named as the rows' are by %s%s", m.word, m.n, list.where, how)
	case len(c.Columns) == m.n:
		c.why("%s: %d, put in the order of the rows' by their names in %s%s", m.word, m.n, list.where, how)
	default:
		c.why("%s: %d of the teacher's %d, those that the rows have, found by their names in %s%s; the others are left out", m.word, len(c.Columns), m.n, list.where, how)
	}
}

// takeOrder takes the columns in their order, for want of names that match.
func (t *Teacher) takeOrder(c *Contract, m columnsOf) error {
	why := "no names say otherwise"
	if len(m.lists) > 0 {
		names := m.lists[0].names
		c.ClassNames = names
		switch {
		case numbersOnly(names):
			c.ClassNames = slices.Clone(m.rows)
			why = "for numbers are no names"
		case numbersOnly(m.rows):
			why = "for numbers are no names"
		default:
			for i, name := range m.rows {
				if at := slices.IndexFunc(names, func(s string) bool { return fold(s) == fold(name) }); at >= 0 && at != i {
					return fault.New(fault.Input, t.path, "output "+c.Output,
						"the teacher's %s (%s) and the rows' (%s) are neither the same nor in the same order: %q is %d of the teacher's and %d of the rows', name which is which by --class-map",
						m.word, fewNames(names), fewNames(m.rows), clip(name), at, i)
				}
			}
			why = "for their names differ"
			c.warn("the teacher's %s are called %s, the rows' %s: they are taken in this order; --class-map says otherwise", m.word, fewNames(names), fewNames(m.rows))
		}
	}
	if c.OneColumn {
		return nil
	}
	c.why("%s: %d, column i is class i, %s", m.word, m.n, why)
	return nil
}

// matchValues requires as many numbers as the rows have to predict, unless
// they are a value inside the graph, which nothing is compared with.
func (t *Teacher) matchValues(c *Contract, raw int, targets []string) error {
	switch {
	case len(t.o.ClassMap) > 0:
		return fault.New(fault.Usage, t.path, "--class-map", "given for a regression, which has no classes")
	case len(targets) == 0 || t.graph.inside:
		c.why("values: %d a row, as they are", raw)
	case len(targets) != raw:
		return fault.New(fault.Input, t.path, "output "+c.Output, "the teacher gives %d values a row, the rows have %d to predict: %s", raw, len(targets), fewNames(targets))
	default:
		c.ClassNames = slices.Clone(targets)
		c.why("values: %d a row, in the order of the rows' columns %s", raw, fewNames(targets))
	}
	return nil
}

// mismatch is the fault of a teacher and rows whose classes cannot be matched.
// It names the first row whose class shows it, if any.
func (t *Teacher) mismatch(c *Contract, m columnsOf, l *look) error {
	if k := len(m.rows); k >= 4 && m.n == k*(k-1)/2 && len(m.lists) == 0 && c.Task == dataset.MultiClass {
		return fault.New(fault.Input, t.path, "output "+c.Output,
			"gives %d numbers a row, one for each pair of the rows' %d classes: decisions of one class against one, expected one score a class (export the classifier with probabilities or one-vs-rest decisions)", m.n, k)
	}
	lists := ""
	if len(m.lists) > 0 {
		lists = "the teacher's are " + fewNames(m.lists[0].names) + ", "
	}
	lists += "the rows' are " + fewNames(m.rows)
	offending := slices.IndexFunc(l.labels, func(y int32) bool { return int(y) >= m.n })
	if offending < 0 {
		offending = max(0, slices.IndexFunc(l.labels, func(y int32) bool { return y >= 0 }))
	}
	shows := ""
	if offending < len(l.labels) && l.labels[offending] >= 0 {
		shows = fmt.Sprintf("row %d", l.origin(offending))
		if t.rows != "" {
			shows += " of " + t.rows
		}
		y := int(l.labels[offending])
		shows += fmt.Sprintf(" has label %d", y)
		if y < len(m.rows) && m.rows[y] != strconv.Itoa(y) {
			shows += fmt.Sprintf(" (%s)", clip(m.rows[y]))
		}
		shows += "; "
	}
	return fault.New(fault.Input, t.path, "output "+c.Output, "the teacher has %d %s, the rows have %d: %s%s; name which is which by --class-map",
		m.n, m.word, len(m.rows), shows, lists)
}

// matchNames finds each of the rows' names among the teacher's: as they are,
// else without case, spaces, underscores and hyphens, else as one of several
// names with commas between, else without what all names of a list begin with.
// how says which, in words. It is false where a name is not found, or twice.
func matchNames(teacher, rows []string) (order []int, how string, ok bool) {
	same := func(s string) []string { return []string{s} }
	folded := func(s string) []string { return []string{fold(s)} }
	synonyms := func(s string) []string {
		var out []string
		for _, part := range strings.Split(s, ",") {
			out = append(out, fold(strings.TrimSpace(part)))
		}
		return out
	}
	bare := func(names []string) func(string) []string {
		prefix := commonStart(names)
		return func(s string) []string { return []string{fold(s[prefix:])} }
	}
	for _, way := range []struct {
		teacher, rows func(string) []string
		how           string
	}{
		{same, same, ""},
		{folded, folded, ", but for case, spaces, underscores and hyphens"},
		{synonyms, folded, ", one of several names each"},
		{bare(teacher), bare(rows), ", but for what all of them begin with"},
	} {
		const twice = -1
		at := map[string]int{}
		for i, name := range teacher {
			for _, key := range way.teacher(name) {
				if was, dup := at[key]; dup && was != i {
					at[key] = twice
				} else {
					at[key] = i
				}
			}
		}
		order = order[:0]
		used := make(map[int]bool, len(rows))
		for _, name := range rows {
			i, found := at[way.rows(name)[0]]
			if !found || i == twice || used[i] {
				break
			}
			used[i] = true
			order = append(order, i)
		}
		if len(order) == len(rows) && len(rows) > 0 {
			return slices.Clip(order), way.how, true
		}
	}
	return nil, "", false
}

// commonStart is the length of what all names begin with, up to the last sign
// in it that is no letter or digit: 5 for Iris-setosa and Iris-virginica.
func commonStart(names []string) int {
	if len(names) < 2 {
		return 0
	}
	start := names[0]
	for _, s := range names[1:] {
		for !strings.HasPrefix(s, start) {
			start = start[:len(start)-1]
		}
	}
	return strings.LastIndexAny(start, " -_.:/") + 1
}

// numbersOnly tells whether names are numbers, as they are or after a word
// that all of them begin with, such as LABEL_0.
func numbersOnly(names []string) bool {
	at := commonStart(names)
	return !slices.ContainsFunc(names, func(s string) bool {
		_, err := strconv.Atoi(s[at:])
		return err != nil
	})
}
