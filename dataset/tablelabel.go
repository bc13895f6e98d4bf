package dataset

import (
	"slices"
	"strconv"
	"strings"
)

// findColumn finds a column by name, by name whatever its case, or by its
// 0-based index, negative from the end. field is what asks for it.
func (c *tableReader) findColumn(field, asked string) (int, error) {
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		found := -1
		for i, col := range c.columns {
			if c.named && same(col.name, asked) {
				if found >= 0 {
					return 0, inputFault(c.path, field, "columns %d and %d are both named %q: say which by its index", found+1, i+1, asked)
				}
				found = i
			}
		}
		if found >= 0 {
			return found, nil
		}
	}
	i, err := strconv.Atoi(asked)
	if i < 0 {
		i += len(c.columns)
	}
	if err != nil || i < 0 || i >= len(c.columns) {
		var names []string
		for _, col := range c.columns {
			names = append(names, strconv.Quote(col.name))
		}
		if len(names) > 20 {
			names = append(names[:20], "…")
		}
		return 0, inputFault(c.path, field, "no column %q: expected %s, or an index below %d", asked, listOr(names, ""), len(c.columns))
	}
	return i, nil
}

// labelColumn collects the labels of a table.
type labelColumn struct {
	path  string
	place func(line int) string // where the label of a line stands
	whole bool                  // names are whole numbers
	index map[string]int32
	names []string // by index, as they come
	y     []int32
	lines []int // where each name came first
}

// add takes the label of one row; an empty cell is none.
func (a *labelColumn) add(line int, cell []byte) error {
	if len(cell) == 0 {
		a.y = append(a.y, Unlabelled)
		return nil
	}
	name := string(cell)
	if a.whole {
		v, err := parseCell(cell)
		if err != nil {
			return inputFault(a.path, a.place(line), "changed while it was read")
		}
		name = strconv.FormatInt(int64(v), 10)
	}
	if a.index == nil {
		a.index = map[string]int32{}
	}
	i, ok := a.index[name]
	if !ok {
		i = int32(len(a.names))
		if i >= maxClasses {
			return inputFault(a.path, a.place(line), "more than %d classes", maxClasses)
		}
		a.index[name] = i
		a.names, a.lines = append(a.names, name), append(a.lines, line)
	}
	a.y = append(a.y, i)
	return nil
}

// finish gives the labels and the names of the classes: those given, in which
// a number is a position when no name is a number, or else the names found,
// sorted, numbers by value.
func (a *labelColumn) finish(given []string) ([]int32, []string, error) {
	if len(a.names) == 0 {
		return nil, nil, nil
	}
	classes := slices.Clone(given)
	if len(given) == 0 {
		classes = slices.Clone(a.names)
		slices.SortFunc(classes, func(x, y string) int {
			if a.whole {
				i, _ := strconv.ParseInt(x, 10, 64)
				j, _ := strconv.ParseInt(y, 10, 64)
				return int(min(max(i-j, -1), 1))
			}
			return strings.Compare(x, y)
		})
	}
	positions := map[string]int32{}
	numbered := false
	for i, name := range classes {
		positions[name] = int32(i)
		_, err := strconv.Atoi(name)
		numbered = numbered || err == nil
	}
	to := make([]int32, len(a.names))
	for i, name := range a.names {
		p, ok := positions[name]
		if at, err := strconv.Atoi(name); !ok && !numbered && err == nil && at >= 0 && at < len(classes) {
			p, ok = int32(at), true
		}
		if !ok {
			return nil, nil, inputFault(a.path, a.place(a.lines[i]), "class %q, expected one of %s", clip([]byte(name)), few(classes))
		}
		to[i] = p
	}
	for i, y := range a.y {
		if y != Unlabelled {
			a.y[i] = to[y]
		}
	}
	return a.y, classes, nil
}
