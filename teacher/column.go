package teacher

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// column is a column of a table as its file has it: a number, or a text, of
// which the features of the row may be made.
type column struct {
	name string
	x    int // its feature, or the first of them; -1: none
	n    int // features: more than 1 are one-hot
	s    int // its text; -1: none
}

// number tells whether the column is one of numbers.
func (c *column) number() bool { return c.s < 0 }

// fits tells whether an input of the type takes the column without being told
// so: strings take all, numbers printed, and numbers take no text.
func (c *column) fits(d onnx.DType) bool { return d == onnx.String || c.number() }

// tableColumns lists the columns of a table. The features of one text are one
// column: its name, = and the category; its name alone, an ordinal's number; or
// its name, # and a number, into which the text is hashed.
func tableColumns(spec dataset.Spec) []column {
	names := spec.Columns
	if len(names) != spec.Size() {
		names = make([]string, spec.Size())
		for i := range names {
			names[i] = fmt.Sprintf("feature %d", i+1)
		}
	}
	texts := map[string]int{}
	for i, name := range spec.Texts {
		texts[name] = i
	}
	var out []column
	at := map[int]int{} // text to its place in out
	for x, name := range names {
		s, of := texts[name]
		hashed := false
		for end := len(name) - 1; !of && end > 0; end-- {
			if name[end] == '=' || name[end] == '#' {
				s, of = texts[name[:end]]
				hashed = name[end] == '#'
			}
		}
		i, there := at[s]
		switch {
		case !of:
			out = append(out, column{name, x, 1, -1})
		case !there && hashed: // no feature says which text it is
			at[s] = len(out)
			out = append(out, column{spec.Texts[s], -1, 0, s})
		case !there:
			at[s] = len(out)
			out = append(out, column{spec.Texts[s], x, 1, s})
		case !hashed && out[i].x+out[i].n == x:
			out[i].n++
		}
	}
	for s, name := range spec.Texts {
		if _, there := at[s]; !there {
			out = append(out, column{name, -1, 0, s})
		}
	}
	return out
}

// features are the features of a table as columns of their own.
func features(spec dataset.Spec) []column {
	plain := spec
	plain.Texts = nil
	return tableColumns(plain)
}

// columnNames lists columns for people.
func columnNames(columns []column) string {
	var parts []string
	for i, c := range columns {
		if i == 20 {
			parts = append(parts, fmt.Sprintf("… %d in all", len(columns)))
			break
		}
		name := fmt.Sprintf("%q", c.name)
		if c.s >= 0 {
			name += " (text)"
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, ", ")
}

// unused are the columns of which nothing goes into an input.
func unused(columns []column, feeds []feed) []column {
	return slices.DeleteFunc(slices.Clone(columns), func(c column) bool {
		return slices.ContainsFunc(feeds, func(f feed) bool {
			return f.whole() || slices.ContainsFunc(f.columns, func(o column) bool {
				return o.s >= 0 && o.s == c.s || o.x >= 0 && o.x >= c.x && o.x < c.x+c.n
			})
		})
	})
}

// wholeRow tells whether the columns are all features in their order.
func wholeRow(columns []column, spec dataset.Spec) bool {
	for i, c := range columns {
		if c.x != i || c.n != 1 {
			return false
		}
	}
	return len(columns) == spec.Size()
}
