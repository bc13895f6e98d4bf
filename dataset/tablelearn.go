package dataset

import (
	"fmt"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// learn decides what every column is.
func (c *tableReader) learn(o Options, asked []Column) error {
	declared := map[int]Column{}
	for _, a := range asked {
		i, err := c.findColumn("columns", a.Name)
		if err != nil {
			return err
		}
		if _, twice := declared[i]; twice {
			return fault.New(fault.Usage, c.path, "columns", "column %q named twice", c.columns[i].name)
		}
		a.Name, c.columns[i].declared = c.columns[i].name, true
		declared[i] = a
	}
	if err := c.chooseLabels(o); err != nil {
		return err
	}
	for _, i := range c.labels.columns {
		if _, both := declared[i]; both {
			return fault.New(fault.Usage, c.path, "columns", "column %q is the label", c.columns[i].name)
		}
	}
	if err := c.dropIDs(); err != nil {
		return err
	}
	c.schema = Schema{Unnamed: !c.named}
	if l := c.labels; len(l.columns) == 1 {
		c.schema.Label, c.schema.At = l.names[0], l.columns[0]
	}
	var from []int
	for i := range c.columns {
		if c.labels.has(i) {
			continue
		}
		col, ok := declared[i]
		if !ok {
			var err error
			if col, err = c.detect(i); err != nil {
				return err
			}
		}
		from = append(from, i)
		c.schema.Columns = append(c.schema.Columns, c.complete(col, i, ok))
	}
	if err := c.learnLevels(from, declared); err != nil {
		return err
	}
	for k, col := range c.schema.Columns {
		c.encoders = append(c.encoders, newEncoder(col, from[k]))
	}
	return nil
}

// detect is what column i looks like.
func (c *tableReader) detect(i int) (Column, error) {
	col := &c.columns[i]
	if col.id {
		return Column{Name: col.name, Kind: Drop}, nil
	}
	if col.bad > 0 {
		return Column{}, inputFault(c.path, c.file.place(col.firstBad.line, i), "%s", col.firstBad.text)
	}
	kind, why := col.kind()
	if kind == Numeric && col.texts > 0 {
		return Column{}, inputFault(c.path, c.file.place(col.firstText.line, i),
			"%q is not a number, as most of column %q is", col.firstText.text, col.name)
	}
	if why != "" {
		c.notes = append(c.notes, fmt.Sprintf("column %q %s", col.name, why))
	}
	return Column{Name: col.name, Kind: kind}, nil
}

// complete adds to a column of the schema what the first reading knows.
func (c *tableReader) complete(col Column, i int, declared bool) Column {
	if col.Kind == Text && col.Size == 0 {
		col.Size = defaultTextSize
	}
	if col.Kind == Text {
		c.notes = append(c.notes, fmt.Sprintf("column %q is text, hashed into %d features", col.Name, col.Size))
	}
	p := &c.columns[i]
	switch col.Kind {
	case Numeric, Boolean:
		if missing := p.isMissing(c.rows); missing && p.numbers+p.texts > 0 {
			c.notes = append(c.notes, fmt.Sprintf("column %q: %d of %d cells are missing", col.Name, c.rows-p.numbers-p.texts, c.rows))
			col.Missing = true
		}
	case Ordinal:
		col.Missing = col.Missing || p.numbers+p.texts+p.marks < c.rows
	}
	return col
}

// learnLevels reads the levels of columns that have none yet. One that only
// looked categorical becomes text where there are too many.
func (c *tableReader) learnLevels(from []int, declared map[int]Column) error {
	sets := map[int]*levelSet{} // by place in the schema
	for k, col := range c.schema.Columns {
		if (col.Kind == Categorical || col.Kind == Ordinal) && len(col.Levels) == 0 {
			most := defaultLevels
			if _, ok := declared[from[k]]; ok {
				most = maxLevels
			}
			if col.Size > 0 {
				most = col.Size
			}
			sets[k] = &levelSet{most: most, seen: map[string]bool{}}
		}
	}
	if len(sets) > 0 {
		err := c.file.each(func(_ int, cells []cell) error {
			for k, s := range sets {
				s.add(cells[from[k]])
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for k := range c.schema.Columns {
		col, s := &c.schema.Columns[k], sets[k]
		_, asked := declared[from[k]]
		switch {
		case s == nil:
		case s.long != "" && asked:
			return inputFault(c.path, fmt.Sprintf("column %q", col.Name), "level %q is longer than %d bytes: make it text", s.long, maxLevel)
		case s.over && asked:
			return inputFault(c.path, fmt.Sprintf("column %q", col.Name), "more than %d levels: make it text, or ask for more by categorical:%d", s.most, min(2*s.most, maxLevels))
		case s.over:
			*col = c.complete(Column{Name: col.Name, Kind: Text}, from[k], false)
		case len(s.seen) == 0:
			*col = Column{Name: col.Name, Kind: Drop}
			c.notes = append(c.notes, fmt.Sprintf("column %q is empty and is left out", col.Name))
		default:
			col.Levels = s.sorted()
		}
		if col.Kind == Categorical {
			col.Size = 0
			c.notes = append(c.notes, fmt.Sprintf("column %q is categorical: %s", col.Name, few(col.Levels)))
		}
	}
	return nil
}

// dropIDs leaves out a column named id that numbers the rows, and refuses one
// that gives two rows one number.
func (c *tableReader) dropIDs() error {
	for i := range c.columns {
		col := &c.columns[i]
		if col.id = col.id && !c.labels.has(i) && !col.declared && col.whole && col.numbers == c.rows; !col.id {
			continue
		}
		if line, twice := col.repeated(); twice {
			return inputFault(c.path, c.file.place(line, i), "id occurs twice")
		}
		c.notes = append(c.notes, fmt.Sprintf("column %q holds row ids and is left out", col.name))
	}
	return nil
}
