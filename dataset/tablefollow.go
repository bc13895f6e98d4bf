package dataset

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// follow encodes the columns as another table's were: by name where both have
// names, else by position.
func (c *tableReader) follow(o Options) error {
	s := o.Schema
	c.schema = s
	if s.Unnamed || !c.named {
		return c.followPositions(o)
	}
	at := map[string][]int{} // columns by name, in order
	for i := range c.columns {
		at[c.columns[i].name] = append(at[c.columns[i].name], i)
	}
	for _, col := range s.Columns {
		found := at[col.Name]
		if len(found) == 0 {
			if col.Kind != Drop {
				return inputFault(c.path, "", "no column %q, which the training rows have", col.Name)
			}
			continue
		}
		at[col.Name] = found[1:]
		c.columns[found[0]].declared = true
		c.encoders = append(c.encoders, newEncoder(col, found[0]))
	}
	if err := c.followLabel(o, at); err != nil {
		return err
	}
	for _, i := range c.labels.columns {
		if c.columns[i].declared {
			return fault.New(fault.Usage, c.path, "label", "column %q is a feature of the training rows", c.columns[i].name)
		}
	}
	var extra []string
	for i := range c.columns {
		if !c.columns[i].declared && !c.labels.has(i) {
			extra = append(extra, c.columns[i].name)
		}
	}
	if len(extra) > 0 {
		c.notes = append(c.notes, "columns that the training rows do not have are left out: "+few(extra))
	}
	return nil
}

// followLabel finds the label column: the one that the training rows had, the
// one asked for, or what looks like one where they had none.
func (c *tableReader) followLabel(o Options, at map[string][]int) error {
	asked, s := o.Label, o.Schema
	_, err := strconv.Atoi(asked)
	same := asked == "" || err == nil || strings.EqualFold(asked, s.Label) // a position is one in the training rows
	if s.Label == "" || !same {
		return c.chooseLabels(o)
	}
	if len(at[s.Label]) == 0 {
		c.notes = append(c.notes, fmt.Sprintf("no column %q: rows are unlabelled", s.Label))
		return nil
	}
	return c.settleLabels(at[s.Label][:1], "as in the training rows", o)
}

// followPositions is follow for columns that have no names.
func (c *tableReader) followPositions(o Options) error {
	asked, s := o.Label, o.Schema
	n, left := len(c.columns), -1 // left out, not even a label
	switch {
	case asked == "none" && s.Label != "" && n == len(s.Columns)+1:
		left = s.At
	case asked == "none" || n == len(s.Columns):
		c.notes = append(c.notes, "no label column: rows are unlabelled")
	case asked != "" || s.Label == "":
		if err := c.chooseLabels(o); err != nil {
			return err
		}
	case n == len(s.Columns)+1:
		if err := c.settleLabels([]int{s.At}, "as in the training rows", o); err != nil {
			return err
		}
	}
	from := make([]int, 0, n)
	for i := range c.columns {
		if !c.labels.has(i) && i != left {
			from = append(from, i)
		}
	}
	if len(from) != len(s.Columns) {
		return inputFault(c.path, "", "%d columns beside the label, expected %d as in the training rows", len(from), len(s.Columns))
	}
	for k, col := range s.Columns {
		c.encoders = append(c.encoders, newEncoder(col, from[k]))
	}
	return nil
}
