package dataset

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Limits of a line of text.
const (
	maxLine  = 1 << 20
	maxField = 64 << 10
)

// spaces is the delimiter that stands for any run of spaces and tabs.
const spaces = ' '

// lines reads a text file line by line, without line ends and without a byte
// order mark, and refuses what no table holds. An empty line is skipped.
type lines struct {
	path string
	r    *bufio.Reader
	buf  []byte
	n    int    // number of the last line or where the last record began, from 1
	read int    // lines that were read
	long []byte // a record of several lines
}

func newLines(path string, r io.Reader) *lines {
	return &lines{path: path, r: bufio.NewReaderSize(r, 64<<10)}
}

// next gives the next line that is not empty, valid until the call after, or
// io.EOF.
func (l *lines) next() ([]byte, error) {
	for {
		line, err := l.line()
		if err != nil || len(bytes.TrimSpace(line)) > 0 {
			return line, err
		}
	}
}

// line gives the next line.
func (l *lines) line() ([]byte, error) {
	line, err := l.raw()
	if err != nil {
		return nil, err
	}
	l.read++
	l.n = l.read
	if l.n == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	line = bytes.TrimSuffix(line, []byte("\r"))
	if c := bytes.IndexAny(line, "\x00\r"); c >= 0 {
		return nil, l.fault("byte %d is %q, which no table holds", c+1, line[c])
	}
	if !utf8.Valid(line) {
		return nil, l.fault("invalid UTF-8")
	}
	return line, nil
}

// record is next for lines whose quoted fields may hold line feeds: it joins
// lines until the quotes are even. A record that never ends is given as it is,
// for split to refuse.
func (l *lines) record() ([]byte, error) {
	line, err := l.next()
	if err != nil || bytes.Count(line, []byte{'"'})%2 == 0 {
		return line, err
	}
	began := l.n
	l.long = append(l.long[:0], line...)
	for open := true; open; {
		if line, err = l.line(); err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(l.long)+1+len(line) > maxLine {
			break
		}
		l.long = append(append(l.long, '\n'), line...)
		open = bytes.Count(line, []byte{'"'})%2 == 0
	}
	l.n = began
	return l.long, nil
}

// raw reads up to the next line feed or the end.
func (l *lines) raw() ([]byte, error) {
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.buf)+len(part) > maxLine {
			l.n = l.read + 1
			return nil, l.fault("longer than %d bytes", maxLine)
		}
		switch {
		case err == bufio.ErrBufferFull:
			l.buf = append(l.buf, part...)
			continue
		case err == io.EOF && len(l.buf)+len(part) == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, ioFault(l.path, err)
		}
		if len(l.buf) > 0 {
			part = append(l.buf, part...)
			l.buf = part
		}
		return bytes.TrimSuffix(part, []byte("\n")), nil
	}
}

// fault reports the last line.
func (l *lines) fault(format string, args ...any) *fault.Error {
	return inputFault(l.path, fmt.Sprintf("line %d", l.n), format, args...)
}

// cell reports a field of the last line, counted from 0.
func (l *lines) cell(column int, format string, args ...any) *fault.Error {
	return inputFault(l.path, cellAt(l.n, column), format, args...)
}

func cellAt(line, column int) string { return fmt.Sprintf("line %d, column %d", line, column+1) }

// split cuts a line into trimmed fields, appended to fields. A field in double
// quotes may hold the delimiter, line feeds, and a quote written twice
// (RFC 4180).
func (l *lines) split(line []byte, delim byte, fields [][]byte) ([][]byte, error) {
	for {
		line = trimLeft(line, delim)
		var field []byte
		var more bool
		if len(line) > 0 && line[0] == '"' {
			var err error
			if field, line, err = l.quoted(line, len(fields)); err != nil {
				return nil, err
			}
			line = trimLeft(line, delim)
			if delim == spaces || len(line) == 0 {
				more = len(line) > 0
			} else if line[0] == delim {
				line, more = line[1:], true
			} else {
				return nil, l.cell(len(fields), "text after the closing quote")
			}
		} else {
			i := indexDelim(line, delim)
			if more = i >= 0; more {
				field, line = line[:i], line[i+1:]
			} else {
				field = line
			}
			field = bytes.TrimSpace(field)
			if bytes.IndexByte(field, '"') >= 0 {
				return nil, l.cell(len(fields), "a quote inside a field without quotes")
			}
		}
		if len(field) > maxField {
			return nil, l.cell(len(fields), "field of %d bytes, limit %d", len(field), maxField)
		}
		fields = append(fields, field)
		if !more || delim == spaces && len(trimLeft(line, delim)) == 0 {
			return fields, nil
		}
	}
}

// trimLeft removes spaces, and tabs unless they delimit.
func trimLeft(line []byte, delim byte) []byte {
	for len(line) > 0 && (line[0] == ' ' || line[0] == '\t' && delim != '\t') {
		line = line[1:]
	}
	return line
}

func indexDelim(line []byte, delim byte) int {
	if delim == spaces {
		return bytes.IndexAny(line, " \t")
	}
	return bytes.IndexByte(line, delim)
}

// quoted reads a field that begins with a quote, and gives what follows it.
func (l *lines) quoted(line []byte, column int) (field, rest []byte, err error) {
	rest = line[1:]
	for {
		i := bytes.IndexByte(rest, '"')
		if i < 0 {
			return nil, nil, l.cell(column, "opening quote without a closing one")
		}
		field = append(field, rest[:i]...)
		rest = rest[i+1:]
		if len(rest) == 0 || rest[0] != '"' {
			return field, rest, nil
		}
		field, rest = append(field, '"'), rest[1:]
	}
}

// sniffDelim chooses the delimiter that cuts most of the first lines into one
// number of fields, more than one; of equals, the first of comma, tab,
// semicolon, spaces. A single column is cut at commas.
func sniffDelim(path string, r io.Reader) (byte, error) {
	const sample = 32
	candidates := []byte{',', '\t', ';', spaces}
	counts := make([]map[int]int, len(candidates)) // lines by number of fields
	for i := range counts {
		counts[i] = map[int]int{}
	}
	l := newLines(path, r)
	for range sample {
		line, err := l.record()
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
		for i, d := range candidates {
			if fields, err := l.split(line, d, nil); err == nil && len(fields) > 1 {
				counts[i][len(fields)]++
			}
		}
	}
	best, most := byte(','), 0
	for i, d := range candidates {
		for _, lines := range counts[i] {
			if lines > most {
				best, most = d, lines
			}
		}
	}
	return best, nil
}
