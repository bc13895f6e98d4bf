package dataset

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func init() {
	Register(Format{
		Name:   "csv",
		About:  "a table of numbers with at most one label column (.csv, .tsv, .data), cut at commas, tabs, semicolons or spaces",
		Detect: detectCSV,
		Open:   openCSV,
	})
}

func detectCSV(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return slices.Contains([]string{".csv", ".tsv", ".data"}, ext) && isFile(path)
}

// csvFile is a table that is read twice: once to learn its columns, once for
// its values.
type csvFile struct {
	path    string
	file    *os.File
	delim   byte
	header  bool
	columns []column
	labels  tableLabels
	rows    int
	notes   []string
}

func openCSV(path string, o Options) (Source, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &csvFile{path: path, file: f}
	if c.delim, err = sniffDelim(path, f); err != nil {
		return nil, err
	}
	if err := c.profile(); err != nil {
		return nil, err
	}
	if err := c.chooseLabels(o); err != nil {
		return nil, err
	}
	if err := c.dropIDs(); err != nil {
		return nil, err
	}
	return c.load(o)
}

// each calls fn with the fields of every row, in order.
func (c *csvFile) each(fn func(l *lines, fields [][]byte) error) error {
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return ioFault(c.path, err)
	}
	l := newLines(c.path, c.file)
	var fields [][]byte
	for first := true; ; first = false {
		line, err := l.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if fields, err = l.split(line, c.delim, fields[:0]); err != nil {
			return err
		}
		if first && c.columns == nil {
			c.begin(fields)
		}
		if len(fields) != len(c.columns) {
			return l.fault("%d columns, expected %d as on the first line", len(fields), len(c.columns))
		}
		if first && c.header {
			continue
		}
		if err := fn(l, fields); err != nil {
			return err
		}
	}
}

// begin learns the columns from the first line: it is a header when none of
// its cells is a number.
func (c *csvFile) begin(fields [][]byte) {
	c.header = true
	for _, f := range fields {
		if _, err := parseCell(f); err == nil {
			c.header = false
		}
	}
	c.columns = make([]column, len(fields))
	for i := range c.columns {
		c.columns[i] = column{name: "column " + strconv.Itoa(i+1), whole: true}
		if c.header && len(fields[i]) > 0 {
			c.columns[i].name = string(fields[i])
		}
		c.columns[i].id = c.header && strings.EqualFold(c.columns[i].name, "id")
	}
}

// profile reads the table once.
func (c *csvFile) profile() error {
	err := c.each(func(l *lines, fields [][]byte) error {
		for i, f := range fields {
			c.columns[i].add(f, l.n)
		}
		c.rows++
		return nil
	})
	switch {
	case err != nil:
		return err
	case c.columns == nil:
		return inputFault(c.path, "", "is empty")
	case c.rows == 0:
		return inputFault(c.path, "line 1", "a header and no rows")
	}
	return nil
}

// dropIDs leaves out a column named id that numbers the rows, and refuses one
// that gives two rows one number.
func (c *csvFile) dropIDs() error {
	for i := range c.columns {
		col := &c.columns[i]
		if col.id = col.id && !c.labels.has(i) && col.whole && col.numbers == c.rows; !col.id {
			continue
		}
		if line, twice := col.repeated(); twice {
			return inputFault(c.path, cellAt(line, i), "id occurs twice")
		}
		c.notes = append(c.notes, fmt.Sprintf("column %q holds row ids and is left out", col.name))
	}
	return nil
}

// load reads the values. X is (rows, features).
func (c *csvFile) load(o Options) (Source, error) {
	var features []int
	t := &table{path: c.path, n: c.rows}
	for i, col := range c.columns {
		if c.labels.has(i) || col.id {
			continue
		}
		if col.isText() {
			return nil, inputFault(c.path, cellAt(col.firstText.line, i), "%q is not a number, and column %q is not the label", col.firstText.text, col.name)
		}
		features = append(features, i)
		t.spec.Columns = append(t.spec.Columns, col.name)
	}
	if len(features) == 0 {
		return nil, inputFault(c.path, "", "no columns left as features")
	}
	t.spec.Shape, t.spec.DType, t.spec.Notes = []int{len(features)}, Float32, c.notes
	t.x = make([]float32, 0, c.rows*len(features))
	err := c.each(func(l *lines, fields [][]byte) error {
		for _, i := range features {
			v, err := parseCell(fields[i])
			switch {
			case len(fields[i]) == 0:
				return l.cell(i, "empty cell, expected a number")
			case err != nil:
				return l.cell(i, "%q is not a number", clip(fields[i]))
			case math.IsNaN(v) || math.IsInf(float64(float32(v)), 0):
				return l.cell(i, "%q, expected a finite float32", clip(fields[i]))
			}
			t.x = append(t.x, float32(v))
		}
		return c.labels.add(l, func(i int) []byte { return fields[i] })
	})
	if err != nil {
		return nil, err
	}
	if len(t.x) != c.rows*len(features) {
		return nil, inputFault(c.path, "", "changed while it was read")
	}
	t.labels, err = c.labels.finish(c.path, &t.spec, o)
	t.values = c.labels.values
	return t, err
}

// parseCell reads a number.
func parseCell(cell []byte) (float64, error) {
	v, err := strconv.ParseFloat(string(cell), 64)
	if err != nil && math.IsInf(v, 0) { // out of range is a number, and refused as infinite
		err = nil
	}
	return v, err
}

// clip is a cell short enough for a message.
func clip(cell []byte) string {
	if len(cell) > 40 {
		return strings.ToValidUTF8(string(cell[:40]), "") + "…"
	}
	return string(bytes.Clone(cell))
}

// table is a Source in memory.
type table struct {
	path   string
	spec   Spec
	n      int
	x      []float32 // (n, Size)
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
	size := t.spec.Size()
	b.ResetTo(len(rows), t.spec)
	for i, r := range rows {
		copy(b.X[i*size:(i+1)*size], t.x[r*size:])
		copyPart(b.V, t.values, i, r, b.N, t.n)
		b.Y[i] = Unlabelled
		if t.labels != nil {
			b.Y[i] = t.labels[r]
		}
	}
	return ctx.Err()
}
