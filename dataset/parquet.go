package dataset

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

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
