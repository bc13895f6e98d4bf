package dataset

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// labelNamed are the names that a label column goes by, the likeliest first.
var labelNamed = []string{"label", "class", "species", "target", "y"}

// numberNamed are those of them that numbers to predict go by too.
var numberNamed = []string{"target", "y"}

// maxTargets bounds the labels or numbers to predict of one row.
const maxTargets = 1 << 14

// tableLabels are the label columns of a table and what they hold: one column
// of classes, columns of yes or no, or columns of numbers.
type tableLabels struct {
	columns []int // of the table; empty where rows have no label
	names   []string
	task    Task
	settled bool // else columns of 0 and 1 alone are MultiLabel
	classes labelColumn
	values  []float32 // (rows, columns) unless of classes
}

// has tells whether column i of the table is a label.
func (t *tableLabels) has(i int) bool { return slices.Contains(t.columns, i) }

// chooseLabels decides which columns are labels: those asked for, those that
// the model's targets are named after, one with a usual name, or the only
// column of text when it is the first or the last.
func (c *tableReader) chooseLabels(o Options) error {
	if o.Label == "none" {
		return nil
	}
	if o.Label != "" {
		columns, err := c.findColumns(o.Label)
		if err != nil {
			return err
		}
		return c.settleLabels(columns, "asked for", o)
	}
	if columns := c.columnsOf(o.Targets); columns != nil {
		return c.settleLabels(columns, "named as the model's targets", o)
	}
	if c.named {
		for _, name := range labelNamed {
			for i, col := range c.columns {
				if strings.EqualFold(col.name, name) && !col.declared {
					return c.settleLabels([]int{i}, "by its name", o)
				}
			}
		}
	}
	var texts []int
	for i := range c.columns {
		if col := &c.columns[i]; col.isText() && !col.isProse() && !col.declared {
			texts = append(texts, i)
		}
	}
	if len(texts) == 1 && (texts[0] == 0 || texts[0] == len(c.columns)-1) {
		return c.settleLabels(texts, "the only column of text", o)
	}
	c.notes = append(c.notes, "no label column found: rows are unlabelled")
	return nil
}

// columnsOf are the columns of those names, nil unless all are there.
func (c *tableReader) columnsOf(names []string) []int {
	var columns []int
	for _, name := range names {
		i := slices.IndexFunc(c.columns, func(col column) bool { return col.name == name })
		if i < 0 || !c.named {
			return nil
		}
		columns = append(columns, i)
	}
	return columns
}

// findColumns finds one column, or several whose names stand between commas.
func (c *tableReader) findColumns(asked string) ([]int, error) {
	i, err := c.findColumn("label", asked)
	if err == nil {
		return []int{i}, nil
	}
	if !strings.Contains(asked, ",") {
		return nil, err
	}
	var columns []int
	for _, name := range strings.Split(asked, ",") {
		i, err := c.findColumn("label", strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		if slices.Contains(columns, i) {
			return nil, inputFault(c.path, "label", "column %q is asked for twice", c.columns[i].name)
		}
		columns = append(columns, i)
	}
	if len(columns) > maxTargets {
		return nil, inputFault(c.path, "label", "%d columns, expected at most %d", len(columns), maxTargets)
	}
	return columns, nil
}

// settleLabels makes columns the labels, which are what was asked for, and
// else classes where it is one column of texts or of whole numbers.
func (c *tableReader) settleLabels(columns []int, why string, o Options) error {
	t := &c.labels
	t.columns = columns
	for _, i := range columns {
		col := &c.columns[i]
		if col.bad > 0 {
			return inputFault(c.path, c.file.place(col.firstBad.line, i), "%s", col.firstBad.text)
		}
		t.names = append(t.names, col.name)
	}
	task, asked, err := ParseTask(o.Task)
	if err != nil {
		return err
	}
	one := &c.columns[columns[0]]
	numbers := one.texts == 0 && one.numbers > 0
	t.task, t.settled = task, asked
	switch {
	case asked && task == MultiClass && len(columns) > 1:
		return inputFault(c.path, "label", "%d columns for one class, expected one column, or --task %s or %s", len(columns), MultiLabel, Regression)
	case !asked && len(columns) > 1:
		t.task = Regression
	case !asked && numbers && !one.whole:
		if o.Label == "" && len(o.Targets) == 0 && !isNamed(one.name, numberNamed) {
			return inputFault(c.path, c.file.place(one.firstPartial.line, columns[0]), "%q in label column %q, expected a class name or a whole number; numbers to predict need --task %s",
				one.firstPartial.text, one.name, Regression)
		}
		t.task, t.settled = Regression, true
		c.notes = append(c.notes, fmt.Sprintf("column %q holds numbers that are not whole: it is predicted as a number (--task %s)", one.name, Regression))
	case !asked:
		t.settled = true
	}
	if t.task == MultiClass {
		if numbers && !one.whole {
			return inputFault(c.path, c.file.place(one.firstPartial.line, columns[0]), "%q in label column %q, expected a class name or a whole number", one.firstPartial.text, one.name)
		}
		t.classes = labelColumn{path: c.path, place: func(line int) string { return c.file.place(line, columns[0]) }, whole: one.isWhole()}
		c.notes = append(c.notes, "column "+strconv.Quote(one.name)+" is the label ("+why+")")
		return nil
	}
	c.notes = append(c.notes, fmt.Sprintf("%s: what to predict (%s)", few(t.names), why))
	return nil
}

func isNamed(name string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// addLabels takes the labels of one row; one that is missing is none.
func (c *tableReader) addLabels(line int, cells []cell) error {
	t := &c.labels
	if len(t.columns) > 0 && t.task == MultiClass {
		return t.classes.add(line, cells[t.columns[0]].bytes())
	}
	for _, i := range t.columns {
		v, err := cells[i].value()
		switch {
		case err != nil:
			return inputFault(c.path, c.file.place(line, i), "%q in label column %q, expected a number", clip(cells[i].bytes()), c.columns[i].name)
		case math.IsInf(float64(v), 0):
			return inputFault(c.path, c.file.place(line, i), "%q, expected a finite float32", clip(cells[i].bytes()))
		case t.settled && t.task == MultiLabel && v == v && v != 0 && v != 1:
			return inputFault(c.path, c.file.place(line, i), "%q in a label column, expected 0 or 1", clip(cells[i].bytes()))
		}
		t.values = append(t.values, v)
	}
	return nil
}

// value is the cell as a value to predict: a number, 1 or 0 for true or false,
// or NaN where it is missing.
func (c cell) value() (float32, error) {
	if c.isMissing() {
		return unknown, nil
	}
	if b, ok := c.boolean(); ok {
		if b {
			return 1, nil
		}
		return 0, nil
	}
	v, err := c.number()
	return float32(v), err
}

// finish puts the labels into spec and gives those of classes.
func (t *tableLabels) finish(spec *Spec, o Options) (classes []int32, err error) {
	switch {
	case len(t.columns) == 0:
		return nil, nil
	case t.task == MultiClass:
		classes, spec.Classes, err = t.classes.finish(o.Classes)
		return classes, err
	case !t.settled && onlyLabels(t.values):
		t.task = MultiLabel
		spec.Notes = append(spec.Notes, fmt.Sprintf("the label columns hold 0 and 1 alone: each is a label of yes or no (--task %s)", MultiLabel))
	case !t.settled:
		spec.Notes = append(spec.Notes, fmt.Sprintf("the label columns hold numbers: each is predicted as a number (--task %s)", Regression))
	}
	spec.Task, spec.Targets = t.task, t.names
	return nil, nil
}

// onlyLabels tells whether every value is 0, 1 or not known.
func onlyLabels(values []float32) bool {
	return !slices.ContainsFunc(values, func(v float32) bool { return v == v && v != 0 && v != 1 })
}
