package dataset

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// maxTable bounds the memory of a table's values, and of its texts, in bytes.
const maxTable = 8 << 30

// tableFile gives the rows of a table, whatever file they lie in, as often as
// asked.
type tableFile interface {
	// each calls fn with the cells of every row, in order, which are valid
	// until it returns. The first time, a row may end before its last cells,
	// which are then empty.
	each(fn func(line int, cells []cell) error) error
	// names are those of all columns, once each has run, and whether the file
	// has them or they were made up.
	names() (names []string, given bool)
	// place says where a cell lies, for messages.
	place(line, column int) string
}

// tableReader makes a Source of a tableFile, which it reads twice: once to
// learn its columns, once for their values; and once more between for the
// levels of columns that are categorical.
type tableReader struct {
	path     string
	file     tableFile
	named    bool
	columns  []column
	labels   tableLabels
	rows     int
	schema   Schema
	encoders []*encoder
	notes    []string
}

func openTable(path string, file tableFile, o Options) (Source, error) {
	c := &tableReader{path: path, file: file}
	asked, err := ParseColumns(o.Columns)
	if err != nil {
		return nil, err
	}
	if err := c.profile(); err != nil {
		return nil, err
	}
	if o.Schema.IsZero() {
		err = c.learn(o, asked)
	} else {
		err = c.follow(o)
	}
	if err != nil {
		return nil, err
	}
	return c.load(o)
}

// profile reads the table once.
func (c *tableReader) profile() error {
	err := c.file.each(func(line int, cells []cell) error {
		for len(c.columns) < len(cells) {
			c.columns = append(c.columns, column{whole: true, id: c.isID(len(c.columns))})
		}
		for i, f := range cells {
			c.columns[i].add(f, line)
		}
		c.rows++
		return nil
	})
	if err != nil {
		return err
	}
	names, given := c.file.names()
	c.named = given
	for i := range min(len(names), len(c.columns)) {
		c.columns[i].name = names[i]
	}
	return nil
}

func (c *tableReader) isID(i int) bool {
	names, given := c.file.names()
	return given && strings.EqualFold(names[i], "id")
}

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

// load reads the values. X is (rows, features).
func (c *tableReader) load(o Options) (Source, error) {
	t := &table{path: c.path, n: c.rows}
	var used []*encoder
	for _, e := range c.encoders {
		if e.Kind == Drop {
			continue
		}
		used = append(used, e)
		t.spec.Missing = t.spec.Missing || e.Missing
		if e.isString() {
			t.spec.Texts = append(t.spec.Texts, e.Name)
		}
	}
	size := c.schema.size()
	switch {
	case size == 0:
		return nil, inputFault(c.path, "", "no columns left as features")
	case size > maxFeatures:
		return nil, inputFault(c.path, "", "columns of %d features, limit %d", size, maxFeatures)
	case c.rows > maxTable/4/size:
		return nil, inputFault(c.path, "", "%d rows of %d features take more than %d bytes of memory: cut the table in parts", c.rows, size, int64(maxTable))
	}
	for _, e := range used {
		t.spec.Columns = append(t.spec.Columns, e.features()...)
	}
	t.spec.Shape, t.spec.DType, t.spec.Schema = []int{size}, Float32, c.schema
	t.x = make([]float32, 0, c.rows*size)
	t.texts = make([]string, 0, c.rows*len(t.spec.Texts))
	kept := int64(0) // bytes of texts
	err := c.file.each(func(line int, cells []cell) error {
		for _, e := range used {
			var err error
			if t.x, err = e.add(t.x, cells[e.from]); err != nil {
				return inputFault(c.path, c.file.place(line, e.from), "%w", err)
			}
			if e.isString() {
				t.texts = append(t.texts, e.text(cells[e.from]))
			}
			if e.Kind == Text {
				if kept += int64(len(t.texts[len(t.texts)-1])); kept > maxTable {
					return inputFault(c.path, c.file.place(line, e.from), "texts of more than %d bytes: cut the table in parts", int64(maxTable))
				}
			}
		}
		return c.addLabels(line, cells)
	})
	if err != nil {
		return nil, err
	}
	if len(t.x) != c.rows*size {
		return nil, inputFault(c.path, "", "changed while it was read")
	}
	for _, e := range used {
		if e.unseen > 0 {
			c.notes = append(c.notes, fmt.Sprintf("column %q: %d of %d cells are levels that the training rows do not have, such as %q, and count as none", e.Name, e.unseen, c.rows, clip([]byte(e.first))))
		}
	}
	t.spec.Notes = c.notes
	t.labels, err = c.labels.finish(&t.spec, o)
	t.values = c.labels.values
	return t, err
}

// table is a Source in memory.
type table struct {
	path   string
	spec   Spec
	n      int
	x      []float32 // (n, Size)
	texts  []string  // (n, len(Texts))
	labels []int32   // (n), nil when no row has one
	values []float32 // (n, Targets)
}

func (t *table) Spec() Spec   { return t.spec }
func (t *table) Len() int     { return t.n }
func (t *table) Close() error { return nil }

func (t *table) Labels(context.Context) ([]int32, error) { return labelsOrNone(t.labels, t.n), nil }

func (t *table) Values(context.Context) ([]float32, error) { return slices.Clone(t.values), nil }

func (t *table) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, t.n); err != nil {
		return at(t.path, err)
	}
	size, texts := t.spec.Size(), len(t.spec.Texts)
	b.ResetTo(len(rows), t.spec)
	for i, r := range rows {
		copy(b.X[i*size:(i+1)*size], t.x[r*size:])
		copy(b.S[i*texts:(i+1)*texts], t.texts[r*texts:])
		copyPart(b.V, t.values, i, r, b.N, t.n)
		b.Y[i] = Unlabelled
		if t.labels != nil {
			b.Y[i] = t.labels[r]
		}
	}
	return ctx.Err()
}
