package dataset

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func init() {
	Register(Format{
		Name:   "csv",
		About:  "a table of text (.csv, .tsv, .data), cut at commas, tabs, semicolons or spaces",
		Detect: detectCSV,
		Open:   openCSV,
	})
}

func detectCSV(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return slices.Contains([]string{".csv", ".tsv", ".data"}, ext) && isFile(path)
}

// csvFile is a table of text.
type csvFile struct {
	path    string
	file    *os.File
	delim   byte
	known   []string // names that a header is known by; nil: not known
	header  bool
	columns []string
	cells   []cell
}

func openCSV(path string, o Options) (Source, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &csvFile{path: path, file: f, known: o.Schema.headed()}
	if c.delim, err = sniffDelim(path, f); err != nil {
		return nil, err
	}
	return openTable(path, c, o)
}

func (c *csvFile) names() ([]string, bool)       { return c.columns, c.header }
func (c *csvFile) place(line, column int) string { return cellAt(line, column) }

// each calls fn with the cells of every row, in order.
func (c *csvFile) each(fn func(line int, cells []cell) error) error {
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return ioFault(c.path, err)
	}
	l := newLines(c.path, c.file)
	var fields [][]byte
	rows := 0
	for first := true; ; first = false {
		line, err := l.record()
		if err == io.EOF {
			break
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
		c.cells = c.cells[:0]
		for _, f := range fields {
			c.cells = append(c.cells, cell{text: f})
		}
		rows++
		if err := fn(l.n, c.cells); err != nil {
			return err
		}
	}
	switch {
	case c.columns == nil:
		return inputFault(c.path, "", "is empty")
	case rows == 0:
		return inputFault(c.path, "line 1", "a header and no rows")
	}
	return nil
}

// begin learns the columns from the first line: it is a header when none of
// its cells is a number, and one is a name that is known where names are.
func (c *csvFile) begin(fields [][]byte) {
	c.header = c.known == nil
	for _, f := range fields {
		c.header = c.header || slices.Contains(c.known, string(f))
	}
	for _, f := range fields {
		if _, err := parseCell(f); err == nil {
			c.header = false
		}
	}
	c.columns = make([]string, len(fields))
	for i := range c.columns {
		c.columns[i] = "column " + strconv.Itoa(i+1)
		if c.header && len(fields[i]) > 0 {
			c.columns[i] = string(fields[i])
		}
	}
}
