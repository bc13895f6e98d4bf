package teacher

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// ClassPair says which class of the rows a class of the teacher is. Of a class
// of the teacher that is none of them, Rows is empty.
type ClassPair struct {
	Teacher string // name, or the number of its column from 0
	Rows    string // name, or the number of its label from 0; empty: none
}

// String is the pair as ParseClassMap reads it.
func (p ClassPair) String() string { return p.Teacher + "=" + p.Rows }

// maxClassMap bounds the bytes of a class map's file.
const maxClassMap = 64 << 20

// ParseClassMap reads pairs "teacher=rows" with commas between, such as
// "tabby=cat,tiger cat=cat,hay=", or a file that has one pair a line, where
// names may have commas; empty lines and those that begin with # are left out.
// Text without a pair names a file. It is a fault.Usage when a pair is broken
// or a class of the teacher occurs twice.
func ParseClassMap(arg string) ([]ClassPair, error) {
	if strings.TrimSpace(arg) == "" {
		return nil, nil
	}
	const field = "--class-map"
	var lines []string
	path := ""
	if st, err := os.Stat(arg); err == nil && st.Mode().IsRegular() {
		path = arg
		f, err := os.Open(arg)
		if err != nil {
			return nil, fault.New(fault.IO, arg, field, "cannot be opened: %w", err)
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxClassMap+1))
		if err != nil {
			return nil, fault.New(fault.IO, arg, field, "cannot be read: %w", err)
		}
		if len(text) > maxClassMap {
			return nil, fault.New(fault.Input, arg, field, "more than %d bytes", maxClassMap)
		}
		lines = strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n")
	} else if !strings.Contains(arg, "=") {
		return nil, fault.New(fault.Usage, "", field, "got %q, expected teacher=rows, with commas between pairs, or the name of a file", arg)
	} else {
		lines = strings.Split(arg, ",")
	}
	var pairs []ClassPair
	seen := map[string]bool{}
	for i, line := range lines {
		if line = strings.TrimSpace(line); line == "" || path != "" && line[0] == '#' {
			continue
		}
		from, to, ok := strings.Cut(line, "=")
		p := ClassPair{strings.TrimSpace(from), strings.TrimSpace(to)}
		switch {
		case !ok || p.Teacher == "":
			return nil, fault.New(fault.Usage, path, field, "pair %d: got %q, expected teacher=rows", i+1, clip(line))
		case seen[p.Teacher]:
			return nil, fault.New(fault.Usage, path, field, "pair %d: the teacher's class %q is there twice", i+1, clip(p.Teacher))
		}
		seen[p.Teacher] = true
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// applyClassMap settles the classes as Options.ClassMap says. Classes of the
// teacher that it does not name are matched by their names, and left out where
// the rows have none of that name.
func (t *Teacher) applyClassMap(c *Contract, m columnsOf) error {
	usage := func(format string, args ...any) error {
		return fault.New(fault.Usage, t.path, "--class-map", format, args...)
	}
	rows := slices.Clone(m.rows)
	if len(rows) == 0 { // the map itself names the classes
		for _, p := range t.o.ClassMap {
			if p.Rows != "" && !slices.Contains(rows, p.Rows) {
				rows = append(rows, p.Rows)
			}
		}
	}
	classes := indexNames(rows)
	of := make([]int, m.n) // class of each column
	for i := range of {
		of[i] = -1
		if len(m.lists) > 0 && len(m.rows) > 0 {
			of[i] = classes.find(m.lists[0].names[i])
		}
	}
	columns := make([]nameIndex, len(m.lists))
	for i, list := range m.lists {
		columns[i] = indexNames(list.names)
	}
	for _, p := range t.o.ClassMap {
		at := -1
		for _, names := range columns {
			if at = names.find(p.Teacher); at >= 0 {
				break
			}
		}
		if at < 0 {
			at = number(p.Teacher, m.n)
		}
		if at < 0 {
			have := fmt.Sprintf("%d without names, 0 to %d", m.n, m.n-1)
			if len(m.lists) > 0 {
				have = fewNames(m.lists[0].names)
			}
			return usage("%q is no class of the teacher, which has %s", clip(p.Teacher), have)
		}
		of[at] = -1
		if p.Rows != "" {
			if of[at] = classes.find(p.Rows); of[at] < 0 {
				of[at] = number(p.Rows, len(rows))
			}
			if of[at] < 0 {
				return usage("%q is no class of the rows, which have %s", clip(p.Rows), fewNames(rows))
			}
		}
	}
	merged, dropped := make([][]int, len(rows)), 0
	for column, class := range of {
		if class < 0 {
			dropped++
		} else {
			merged[class] = append(merged[class], column)
		}
	}
	single, order := true, make([]int, len(rows))
	for class, columns := range merged {
		if len(columns) == 0 {
			return usage("no class of the teacher is the rows' %q", clip(rows[class]))
		}
		single, order[class] = single && len(columns) == 1, columns[0]
	}
	if len(rows) == 0 {
		return usage("leaves no class")
	}
	c.ClassNames = rows
	c.take(m, order)
	how := "renamed"
	if !single {
		if c.OneColumn {
			return usage("makes one class of the two of a single column")
		}
		c.Columns, c.Merged = nil, merged
		if c.LabelTexts == nil {
			c.Raw = m.n
		}
		how = "some of them joined"
	}
	if dropped > 0 {
		how += fmt.Sprintf(", %d left out", dropped)
	}
	c.why("%s: %d, as --class-map says of the teacher's %d: %s", m.word, c.Classes, m.n, how)
	return nil
}

// nameIndex finds names, as they are or folded.
type nameIndex struct{ exact, folded map[string]int }

func indexNames(names []string) nameIndex {
	x := nameIndex{make(map[string]int, len(names)), make(map[string]int, len(names))}
	for i, s := range slices.Backward(names) { // the first of a name counts
		x.exact[s], x.folded[fold(s)] = i, i
	}
	return x
}

// find is the position of a name, or -1.
func (x nameIndex) find(name string) int {
	if at, ok := x.exact[name]; ok {
		return at
	}
	if at, ok := x.folded[fold(name)]; ok {
		return at
	}
	return -1
}

// number reads a position below n, or gives -1.
func number(s string, n int) int {
	if i, err := strconv.Atoi(s); err == nil && i >= 0 && i < n {
		return i
	}
	return -1
}
