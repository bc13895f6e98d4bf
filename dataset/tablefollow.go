package dataset

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// follow encodes the columns as another table's were: by name where both have
// names, else by position.
func (c *tableReader) follow(label string, s Schema) error {
	c.schema = s
	if s.Unnamed || !c.named {
		return c.followPositions(label, s)
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
	if err := c.followLabel(label, s, at); err != nil {
		return err
	}
	if c.label >= 0 && c.columns[c.label].declared {
		return fault.New(fault.Usage, c.path, "label", "column %q is a feature of the training rows", c.columns[c.label].name)
	}
	var extra []string
	for i := range c.columns {
		if !c.columns[i].declared && i != c.label {
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
func (c *tableReader) followLabel(asked string, s Schema, at map[string][]int) error {
	_, err := strconv.Atoi(asked)
	same := asked == "" || err == nil || strings.EqualFold(asked, s.Label) // a position is one in the training rows
	if s.Label == "" || !same {
		return c.chooseLabel(asked)
	}
	if len(at[s.Label]) == 0 {
		c.notes = append(c.notes, fmt.Sprintf("no column %q: rows are unlabelled", s.Label))
		return nil
	}
	c.label = at[s.Label][0]
	return c.checkLabel("as in the training rows")
}

// followPositions is follow for columns that have no names.
func (c *tableReader) followPositions(asked string, s Schema) error {
	n, left := len(c.columns), -1 // left out, not even a label
	switch {
	case asked == "none" && s.Label != "" && n == len(s.Columns)+1:
		left = s.At
	case asked == "none" || n == len(s.Columns):
		c.notes = append(c.notes, "no label column: rows are unlabelled")
	case asked != "" || s.Label == "":
		if err := c.chooseLabel(asked); err != nil {
			return err
		}
	case n == len(s.Columns)+1:
		c.label = s.At
		if err := c.checkLabel("as in the training rows"); err != nil {
			return err
		}
	}
	from := make([]int, 0, n)
	for i := range c.columns {
		if i != c.label && i != left {
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
