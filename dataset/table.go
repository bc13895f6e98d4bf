package dataset

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
