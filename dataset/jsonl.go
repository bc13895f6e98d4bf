package dataset

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

func init() {
	Register(Format{
		Name:   "jsonl",
		About:  "a table of JSON objects, one a line (.jsonl, .ndjson) or in one array (.json)",
		Detect: detectJSON,
		Open:   openJSON,
	})
}

// Limits of a JSON object.
const (
	maxJSONDepth = 64
	maxKeys      = 1 << 15

	maxSparse   = 1 << 24 // cells of a table, given or not, that are spent on any objects
	maxSparsity = 64      // times the cells that are given that more may be
)

func detectJSON(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jsonl", ".ndjson":
		return isFile(path)
	case ".json":
		return isFile(path) && isArray(path)
	}
	return false
}

// isArray tells whether the first thing in a file is an array.
func isArray(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 512)
	n, _ := io.ReadFull(f, head)
	head = bytes.TrimSpace(bytes.TrimPrefix(head[:n], []byte("\xef\xbb\xbf")))
	return len(head) > 0 && head[0] == '['
}

// jsonFile is a table of objects: a key is a column, keys of an object inside
// are joined by dots, and a list of numbers is a column for each of them.
type jsonFile struct {
	path    string
	file    *os.File
	array   bool // one array of objects, not one object a line
	index   map[string]int
	columns []string
	last    []int          // row in which each column was met last, from 1
	lengths map[string]int // of lists
	cells   []cell
	given   int  // cells that the rows so far have
	settled bool // whether all columns are known
}

func openJSON(path string, o Options) (Source, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &jsonFile{path: path, file: f, array: isArray(path), index: map[string]int{}, lengths: map[string]int{}}
	for _, name := range o.Schema.headed() { // a key that no row has is a column of nulls
		c.add(name)
	}
	return openTable(path, c, o)
}

func (c *jsonFile) names() ([]string, bool) { return c.columns, true }

func (c *jsonFile) place(line, column int) string {
	return fmt.Sprintf("line %d, key %q", line, clip([]byte(c.columns[column])))
}

func (c *jsonFile) add(name string) int {
	if i, ok := c.index[name]; ok {
		return i
	}
	c.index[name] = len(c.columns)
	c.columns, c.last, c.cells = append(c.columns, name), append(c.last, 0), append(c.cells, cell{})
	return len(c.columns) - 1
}

func (c *jsonFile) each(fn func(line int, cells []cell) error) error {
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return ioFault(c.path, err)
	}
	next := newLines(c.path, c.file).object
	if c.array {
		next = (&jsonArray{path: c.path, r: bufio.NewReaderSize(c.file, 64<<10), line: 1}).next
	}
	clear(c.last)
	rows := 0
	c.given = 0
	for {
		text, line, err := next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		rows++
		clear(c.cells)
		p := jsonParser{jsonFile: c, text: text, line: line, row: rows}
		if err := p.parse(); err != nil {
			return err
		}
		if all := rows * len(c.columns); all > maxSparse && all/maxSparsity > c.given {
			return inputFault(c.path, fmt.Sprintf("line %d", line), "%d keys so far, of which a row has %d on average, expected at least one of %d", len(c.columns), c.given/rows, maxSparsity)
		}
		if err := fn(line, c.cells); err != nil {
			return err
		}
	}
	switch {
	case rows == 0 && !c.array:
		return inputFault(c.path, "", "is empty")
	case rows == 0 || len(c.columns) == 0:
		return inputFault(c.path, "", "holds no objects with keys")
	}
	c.settled = true
	return nil
}

// object gives the next line and its number.
func (l *lines) object() ([]byte, int, error) {
	text, err := l.next()
	return text, l.n, err
}

// jsonArray cuts an array into its objects.
type jsonArray struct {
	path string
	r    *bufio.Reader
	line int
	open bool // whether the bracket was read
	buf  []byte
}

// next gives the next object, valid until the call after, and the line on
// which it begins.
func (a *jsonArray) next() ([]byte, int, error) {
	fail := func(format string, args ...any) ([]byte, int, error) {
		return nil, 0, inputFault(a.path, fmt.Sprintf("line %d", a.line), format, args...)
	}
	first := !a.open
	if first {
		if mark, err := a.r.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
			a.r.Discard(3)
		}
		if b, err := a.skip(); err != nil || b != '[' {
			return fail("expected an array")
		}
		a.open = true
	}
	b, err := a.skip()
	switch {
	case err == io.EOF:
		return fail("the array has no end")
	case err != nil:
		return nil, 0, ioFault(a.path, err)
	case b == ']' && (first || a.buf != nil):
		if b, err := a.skip(); err != io.EOF {
			return fail("byte %q after the array", b)
		}
		return nil, 0, io.EOF
	case !first && b != ',':
		return fail("byte %q, expected a comma or the array's end", b)
	case !first:
		if b, err = a.skip(); err != nil {
			return fail("the array has no end")
		}
	}
	if b != '{' {
		return fail("byte %q, expected an object", b)
	}
	line := a.line
	if err := a.body(); err != nil {
		return nil, 0, err
	}
	if !utf8.Valid(a.buf) {
		a.line = line
		return fail("invalid UTF-8")
	}
	return a.buf, line, nil
}

// body reads the rest of an object into buf.
func (a *jsonArray) body() error {
	fail := func(format string, args ...any) error {
		return inputFault(a.path, fmt.Sprintf("line %d", a.line), format, args...)
	}
	a.buf = append(a.buf[:0], '{')
	text, escaped := false, false
	for depth := 1; depth > 0; {
		b, err := a.r.ReadByte()
		if err == io.EOF {
			return fail("the object has no end")
		}
		if err != nil {
			return ioFault(a.path, err)
		}
		if len(a.buf) >= maxLine {
			return fail("object longer than %d bytes", maxLine)
		}
		a.buf = append(a.buf, b)
		switch {
		case escaped:
			escaped = false
		case text && b == '\\':
			escaped = true
		case b == '"':
			text = !text
		case !text && (b == '{' || b == '['):
			depth++
		case !text && (b == '}' || b == ']'):
			depth--
		}
		if b == '\n' {
			a.line++
		}
	}
	return nil
}

// skip gives the next byte that is no space.
func (a *jsonArray) skip() (byte, error) {
	for {
		b, err := a.r.ReadByte()
		if err != nil || !slices.Contains([]byte(" \t\r\n"), b) {
			return b, err
		}
		if b == '\n' {
			a.line++
		}
	}
}
