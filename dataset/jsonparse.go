package dataset

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonParser puts the cells of one object into its file's.
type jsonParser struct {
	*jsonFile
	text  []byte
	at    int // next byte of text
	line  int
	row   int
	depth int
	path  []byte // name of the value that is read
}

// fail reports the byte that comes next.
func (p *jsonParser) fail(format string, args ...any) error {
	return inputFault(p.jsonFile.path, fmt.Sprintf("line %d, byte %d", p.line, p.at+1), format, args...)
}

// failKey reports the value that is read.
func (p *jsonParser) failKey(format string, args ...any) error {
	return inputFault(p.jsonFile.path, fmt.Sprintf("line %d, key %q", p.line, clip(p.path)), format, args...)
}

// parse reads one object that must be all there is.
func (p *jsonParser) parse() error {
	if p.peek() != '{' {
		return p.fail("%s, expected an object", p.found())
	}
	if err := p.object(); err != nil {
		return err
	}
	if p.peek() != 0 {
		return p.fail("%s after the object", p.found())
	}
	return nil
}

// peek gives the next byte that is no space, 0 at the end.
func (p *jsonParser) peek() byte {
	for p.at < len(p.text) {
		switch b := p.text[p.at]; b {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return b
		}
	}
	return 0
}

// found shows what comes next.
func (p *jsonParser) found() string {
	if p.at >= len(p.text) {
		return "the end"
	}
	r, _ := utf8.DecodeRune(p.text[p.at:])
	return strconv.QuoteRune(r)
}

// object reads an object whose bracket comes next.
func (p *jsonParser) object() error {
	if p.depth++; p.depth > maxJSONDepth {
		return p.failKey("nested deeper than %d", maxJSONDepth)
	}
	base := len(p.path)
	p.at++
	if p.peek() == '}' {
		p.at++
		p.depth--
		return nil
	}
	for {
		if p.peek() != '"' {
			return p.fail("%s, expected a key in double quotes", p.found())
		}
		key, err := p.string()
		if err != nil {
			return err
		}
		if p.depth > 1 {
			p.path = append(p.path, '.')
		}
		p.path = append(p.path, key...)
		if p.peek() != ':' {
			return p.failKey("%s, expected a colon", p.found())
		}
		p.at++
		if err := p.value(); err != nil {
			return err
		}
		p.path = p.path[:base]
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.at++
			p.depth--
			return nil
		default:
			return p.fail("%s, expected a comma or the object's end", p.found())
		}
	}
}

// value reads the value of the key at path.
func (p *jsonParser) value() error {
	switch p.peek() {
	case '{':
		return p.object()
	case '[':
		return p.list()
	case '"':
		s, err := p.string()
		if err != nil {
			return err
		}
		if len(s) > maxField {
			return p.failKey("text of %d bytes, limit %d", len(s), maxField)
		}
		return p.set(cell{kind: quoted, text: s})
	}
	c, err := p.plain()
	if err != nil {
		return err
	}
	return p.set(c)
}

// plain reads a number, true, false or null.
func (p *jsonParser) plain() (cell, error) {
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(p.text[p.at:], []byte(word)) {
			p.at += len(word)
			if word == "null" {
				word = ""
			}
			return cell{text: []byte(word)}, nil
		}
	}
	begin := p.at
	p.skip("-")
	whole := p.digits()
	ok := whole > 0 && (whole == 1 || p.text[p.at-whole] != '0')
	if ok && p.skip(".") {
		ok = p.digits() > 0
	}
	if ok && p.skip("eE") {
		p.skip("+-")
		ok = p.digits() > 0
	}
	if !ok {
		p.at = begin
		return cell{}, p.failKey("%s, expected a number, text, true, false, null, list or object", p.found())
	}
	return cell{text: p.text[begin:p.at]}, nil
}

// skip goes over one of the bytes.
func (p *jsonParser) skip(bytes string) bool {
	for i := range len(bytes) {
		if p.at < len(p.text) && p.text[p.at] == bytes[i] {
			p.at++
			return true
		}
	}
	return false
}

func (p *jsonParser) digits() (n int) {
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
		n++
	}
	return n
}

// list reads a list of numbers, which has one length in all rows.
func (p *jsonParser) list() error {
	p.at++
	base, n := len(p.path), 0
	for p.peek() != ']' || n > 0 {
		switch p.peek() {
		case '"', '{', '[':
			return p.failKey("a list of other than numbers, expected numbers")
		}
		c, err := p.plain()
		if err != nil {
			return err
		}
		if len(c.text) > 0 && c.text[0] > '9' {
			return p.failKey("a list of other than numbers, expected numbers")
		}
		p.path = append(strconv.AppendInt(append(p.path, '['), int64(n), 10), ']')
		if err := p.set(c); err != nil {
			return err
		}
		p.path = p.path[:base]
		n++
		if b := p.peek(); b == ']' {
			break
		} else if b != ',' {
			return p.failKey("%s, expected a comma or the list's end", p.found())
		}
		p.at++
	}
	p.at++
	if was, ok := p.lengths[string(p.path)]; ok && was != n {
		return p.failKey("a list of %d numbers, expected %d as in the rows before", n, was)
	} else if !ok {
		p.lengths[string(p.path)] = n
	}
	return nil
}

// set makes c the cell of the column at path.
func (p *jsonParser) set(c cell) error {
	i, ok := p.index[string(p.path)]
	if !ok {
		if p.settled {
			return p.failKey("changed while it was read")
		}
		if len(p.columns) >= maxKeys {
			return p.failKey("more than %d keys", maxKeys)
		}
		i = p.add(string(p.path))
	}
	if p.last[i] == p.row {
		return p.failKey("given twice")
	}
	p.last[i], p.cells[i] = p.row, c
	p.given++
	return nil
}

// string reads a text whose quote comes next.
func (p *jsonParser) string() ([]byte, error) {
	p.at++
	begin := p.at
	for p.at < len(p.text) && p.text[p.at] != '"' && p.text[p.at] != '\\' && p.text[p.at] >= ' ' {
		p.at++
	}
	if p.at < len(p.text) && p.text[p.at] == '"' {
		p.at++
		return p.text[begin : p.at-1], nil
	}
	s := bytes.Clone(p.text[begin:p.at])
	for p.at < len(p.text) {
		b := p.text[p.at]
		switch {
		case b == '"':
			p.at++
			return s, nil
		case b < ' ':
			return nil, p.fail("%s inside a text, expected it as \\u%04x", p.found(), b)
		case b != '\\':
			s = append(s, b)
			p.at++
			continue
		}
		r, n := unescape(p.text[p.at:])
		if n == 0 {
			return nil, p.fail("an escape that JSON does not have")
		}
		s = utf8.AppendRune(s, r)
		p.at += n
	}
	return nil, p.fail("a text without a closing quote")
}

// unescape reads the escape that text begins with, of n bytes; 0: it is none.
func unescape(text []byte) (r rune, n int) {
	if len(text) < 2 {
		return 0, 0
	}
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), text[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2
	}
	unit := func(at int) rune {
		if len(text) < at+6 || text[at] != '\\' || text[at+1] != 'u' {
			return -1
		}
		v, err := strconv.ParseUint(string(text[at+2:at+6]), 16, 32)
		if err != nil {
			return -1
		}
		return rune(v)
	}
	first := unit(0)
	switch {
	case first < 0:
		return 0, 0
	case !utf16.IsSurrogate(first):
		return first, 6
	}
	if r := utf16.DecodeRune(first, unit(6)); r != utf8.RuneError {
		return r, 12
	}
	return 0, 0
}
