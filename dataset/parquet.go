package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/kdonnx/kdonnx/internal/fault"
)

func init() {
	Register(Format{
		Name:   "parquet",
		About:  "a table in Parquet (.parquet)",
		Detect: func(path string) bool { return strings.EqualFold(filepath.Ext(path), ".parquet") && isFile(path) },
		Open:   openParquet,
	})
}

// parquetFile is a table in Parquet: a leaf of its schema is a column, leaves
// of a group are named by dots, and a list of numbers is a column for each of
// them.
type parquetFile struct {
	path    string
	file    *parquet.File
	leaves  []parquetLeaf
	columns []string
	cells   []cell
}

// parquetLeaf is one leaf of the schema.
type parquetLeaf struct {
	name    string
	read    func(v parquet.Value) cell
	list    bool
	present int // of a list: definition level from which on an element is there
	length  int // of a list: elements, -1 as long as no row has one
	first   int // column of the first element
}

func openParquet(path string, o Options) (_ Source, err error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// The library may panic on a file that is damaged where nothing looks
	// before it.
	defer func() {
		if p := recover(); p != nil {
			err = inputFault(path, "", "damaged: %v", p)
		}
	}()
	if err := checkFooter(path, f, size); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(f, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, inputFault(path, "", "not readable Parquet: %w", oneLine(err))
	}
	c := &parquetFile{path: path, file: file}
	leaves := c.addLeaves(file.Root(), nil)
	if len(leaves) == 0 || file.NumRows() == 0 {
		return nil, inputFault(path, "", "has %d columns and %d rows, expected at least 1 of each", len(leaves), file.NumRows())
	}
	if err := checkPages(path, f, size, file.Metadata(), leaves); err != nil {
		return nil, err
	}
	return openTable(path, c, o)
}

// oneLine is err without line feeds.
func oneLine(err error) error {
	return errors.New(strings.ToValidUTF8(strings.Join(strings.Fields(err.Error()), " "), "?"))
}

// addLeaves lists the leaves below column, in their order, and how each is
// read.
func (c *parquetFile) addLeaves(column *parquet.Column, path []string) []*parquet.Column {
	var leaves []*parquet.Column
	for _, child := range column.Columns() {
		name := append(path[:len(path):len(path)], child.Name())
		switch {
		case !child.Leaf() && child.Repeated() && len(child.Columns()) == 1 && child.Columns()[0].Leaf() && len(path) > 0:
			leaves = append(leaves, c.addLeaf(child.Columns()[0], path, true)) // a list of three levels has its name from the outermost
		case !child.Leaf() && child.Repeated():
			for _, leaf := range deepest(child) {
				leaves = append(leaves, leaf)
				c.refuse(name, "a list of groups or lists")
			}
		case !child.Leaf():
			leaves = append(leaves, c.addLeaves(child, name)...)
		case child.Repeated() && len(path) > 0 && len(column.Columns()) == 1: // an old list of two levels
			leaves = append(leaves, c.addLeaf(child, path, true))
		default:
			leaves = append(leaves, c.addLeaf(child, name, child.Repeated()))
		}
	}
	return leaves
}

// deepest lists the leaves below column.
func deepest(column *parquet.Column) []*parquet.Column {
	if column.Leaf() {
		return []*parquet.Column{column}
	}
	var leaves []*parquet.Column
	for _, child := range column.Columns() {
		leaves = append(leaves, deepest(child)...)
	}
	return leaves
}

func (c *parquetFile) addLeaf(leaf *parquet.Column, path []string, list bool) *parquet.Column {
	l := parquetLeaf{name: strings.Join(path, "."), list: list, length: -1, present: leaf.MaxDefinitionLevel()}
	if leaf.Optional() {
		l.present--
	}
	read, why := parquetReader(leaf)
	switch {
	case why == "" && list && leaf.Type().Kind() == parquet.ByteArray:
		why = "a list of texts"
	case why == "":
		l.read = read
	}
	if why != "" {
		c.refuse(path, why)
		return leaf
	}
	if !list {
		l.first = c.addColumn(l.name)
	}
	c.leaves = append(c.leaves, l)
	return leaf
}

// refuse adds a leaf that only a column that is left out may have.
func (c *parquetFile) refuse(path []string, why string) {
	name := strings.Join(path, ".")
	bad := cell{kind: nonsense, text: fmt.Appendf(nil, "%s, which is not read: leave the column out by --columns %q", why, name+"=drop")}
	c.leaves = append(c.leaves, parquetLeaf{name: name, first: c.addColumn(name), read: func(parquet.Value) cell { return bad }})
}

func (c *parquetFile) addColumn(name string) int {
	c.columns, c.cells = append(c.columns, name), append(c.cells, cell{})
	return len(c.columns) - 1
}

// parquetReader makes cells of a leaf's values, or says what they are when
// they are none that a table has.
func parquetReader(leaf *parquet.Column) (read func(v parquet.Value) cell, why string) {
	number := func(v float64) cell {
		if math.IsNaN(v) {
			return cell{}
		}
		return cell{kind: counted, num: v}
	}
	logical := leaf.Type().LogicalType()
	scale, unsigned := 1.0, false
	if logical != nil {
		switch t := logical.Value.(type) {
		case *format.TimestampType, *format.TimeType:
			return nil, "a time"
		case *format.DecimalType:
			scale = math.Pow10(int(-t.Scale))
		case *format.IntType:
			unsigned = !t.IsSigned
		}
	}
	switch leaf.Type().Kind() {
	case parquet.Boolean:
		return func(v parquet.Value) cell { return cell{text: strconv.AppendBool(nil, v.Boolean())} }, ""
	case parquet.Int32:
		return func(v parquet.Value) cell {
			if unsigned {
				return number(float64(uint32(v.Int32())))
			}
			return number(float64(v.Int32()) * scale)
		}, ""
	case parquet.Int64:
		return func(v parquet.Value) cell {
			i := v.Int64()
			if unsigned && i < 0 {
				return cell{text: strconv.AppendUint(nil, uint64(i), 10)}
			}
			if scale != 1 || i > -1<<53 && i < 1<<53 {
				return number(float64(i) * scale)
			}
			return cell{text: strconv.AppendInt(nil, i, 10)} // a name must keep all digits
		}, ""
	case parquet.Float:
		return func(v parquet.Value) cell { return number(float64(v.Float())) }, ""
	case parquet.Double:
		return func(v parquet.Value) cell { return number(v.Double()) }, ""
	case parquet.ByteArray:
		if scale != 1 {
			return nil, "a decimal number of bytes"
		}
		return readText, ""
	case parquet.Int96:
		return nil, "a time"
	}
	return nil, fmt.Sprintf("of type %s", leaf.Type())
}

func readText(v parquet.Value) cell {
	text := v.ByteArray()
	switch {
	case len(text) > maxField:
		return cell{kind: nonsense, text: fmt.Appendf(nil, "text of %d bytes, limit %d", len(text), maxField)}
	case !utf8.Valid(text):
		return cell{kind: nonsense, text: []byte("bytes that are not UTF-8")}
	}
	return cell{kind: quoted, text: text}
}

func (c *parquetFile) names() ([]string, bool) { return c.columns, true }

func (c *parquetFile) place(line, column int) string {
	return fmt.Sprintf("row %d, column %q", line, clip([]byte(c.columns[column])))
}

// each calls fn with the cells of every row; lines are rows, from 0.
func (c *parquetFile) each(fn func(line int, cells []cell) error) error {
	line := 0
	for g, group := range c.file.RowGroups() {
		n, err := c.group(group, &line, fn)
		if err != nil {
			return c.named(err, g)
		}
		if n != group.NumRows() {
			return inputFault(c.path, fmt.Sprintf("row group %d", g), "%d rows, but it says %d", n, group.NumRows())
		}
	}
	return nil
}

// named makes an error of the library one of the file.
func (c *parquetFile) named(err error, group int) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	return inputFault(c.path, fmt.Sprintf("row group %d", group), "not readable: %w", oneLine(err))
}

func (c *parquetFile) group(group parquet.RowGroup, line *int, fn func(line int, cells []cell) error) (n int64, err error) {
	rows := group.Rows()
	defer rows.Close()
	buf := make([]parquet.Row, 64)
	for {
		k, err := rows.ReadRows(buf)
		for _, row := range buf[:k] {
			if err := c.row(row, *line); err != nil {
				return n, err
			}
			if err := fn(*line, c.cells); err != nil {
				return n, err
			}
			*line++
			n++
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if k == 0 {
			return n, io.ErrNoProgress
		}
	}
}

// row makes the cells of one row.
func (c *parquetFile) row(row parquet.Row, line int) error {
	clear(c.cells)
	for len(row) > 0 {
		k := row[0].Column()
		n := 1
		for n < len(row) && row[n].Column() == k {
			n++
		}
		if k < 0 || k >= len(c.leaves) {
			return inputFault(c.path, fmt.Sprintf("row %d", line), "a value of column %d of %d", k, len(c.leaves))
		}
		l := &c.leaves[k]
		values := row[:n]
		row = row[n:]
		if !l.list {
			if !values[0].IsNull() {
				c.cells[l.first] = l.read(values[0])
			}
			continue
		}
		if values[0].IsNull() && values[0].DefinitionLevel() < l.present { // no list, or an empty one
			continue
		}
		if l.length < 0 {
			if len(c.columns)+n > maxFeatures {
				return inputFault(c.path, fmt.Sprintf("row %d, column %q", line, l.name), "a list of %d numbers, limit %d columns", n, maxFeatures)
			}
			l.first, l.length = len(c.columns), n
			for i := range n {
				c.addColumn(l.name + "[" + strconv.Itoa(i) + "]")
			}
		}
		if n != l.length {
			return inputFault(c.path, fmt.Sprintf("row %d, column %q", line, l.name), "a list of %d numbers, expected %d as in the rows before", n, l.length)
		}
		for i, v := range values {
			if !v.IsNull() {
				c.cells[l.first+i] = l.read(v)
			}
		}
	}
	return nil
}
