package dataset

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of an NPY header.
const (
	maxNPYHeader = 10_000 // bytes, as NumPy reads by default
	maxNPYRank   = 16
)

const npyMagic = "\x93NUMPY"

// ParseNPYHeader reads the header of an NPY file, versions 1.0 to 3.0
// (NumPy Enhancement Proposal 1). descr is the type as written, such as "<f4";
// dims may be empty (a scalar), their product fits an int; dataOffset is where
// the values begin. Structured types are refused; whether descr is a type that
// can be read is the caller's to decide. Faults name no path.
func ParseNPYHeader(r io.Reader) (descr string, fortran bool, dims []int, dataOffset int64, err error) {
	fail := func(format string, args ...any) (string, bool, []int, int64, error) {
		return "", false, nil, 0, inputFault("", "NPY header", format, args...)
	}
	var head [12]byte
	if n, err := io.ReadFull(r, head[:8]); err != nil {
		return fail("truncated after %d bytes", n)
	}
	if string(head[:6]) != npyMagic {
		return fail("starts with %q, expected %q", head[:6], npyMagic)
	}
	sizeBytes := 2
	switch major, minor := head[6], head[7]; {
	case minor != 0 || major < 1 || major > 3:
		return fail("version %d.%d, expected 1.0, 2.0 or 3.0", major, minor)
	case major > 1:
		sizeBytes = 4
	}
	if _, err := io.ReadFull(r, head[8:8+sizeBytes]); err != nil {
		return fail("truncated in its length")
	}
	size := int64(binary.LittleEndian.Uint32(head[8:])) // the bytes behind a 2-byte length are 0
	if size > maxNPYHeader {
		return fail("%d bytes long, limit %d", size, maxNPYHeader)
	}
	text := make([]byte, size)
	if n, err := io.ReadFull(r, text); err != nil {
		return fail("truncated: %d of %d bytes", n, size)
	}
	if size == 0 || text[size-1] != '\n' {
		return fail("does not end with a newline")
	}
	if head[6] == 3 && !utf8.Valid(text) {
		return fail("invalid UTF-8")
	}
	p := dictParser{s: string(text)}
	if err := p.dict(); err != nil {
		return fail("at byte %d: %v", p.i, err)
	}
	if missing := p.missing(); missing != "" {
		return fail("no key %q", missing)
	}
	if _, ok := product(p.dims); !ok {
		return fail("shape %v overflows", p.dims)
	}
	return p.descr, p.fortran, p.dims, int64(8+sizeBytes) + size, nil
}

// WriteNPYHeader writes the header of an NPY file, version 1.0, padded so that
// the values begin at a multiple of 64 bytes. The values follow in C order.
func WriteNPYHeader(w io.Writer, descr string, dims []int) error {
	var shape strings.Builder
	for i, d := range dims {
		if i > 0 {
			shape.WriteByte(' ')
		}
		fmt.Fprintf(&shape, "%d,", d)
	}
	s := shape.String()
	if len(dims) > 1 {
		s = s[:len(s)-1]
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, s)
	const before = 10
	total := (before + len(dict) + 1 + 63) / 64 * 64
	if total-before > maxNPYHeader || len(dims) > maxNPYRank {
		return inputFault("", "NPY header", "shape %v is too long", dims)
	}
	head := make([]byte, 0, total)
	head = append(head, npyMagic...)
	head = append(head, 1, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(total-before))
	head = append(head, dict...)
	for len(head) < total-1 {
		head = append(head, ' ')
	}
	_, err := w.Write(append(head, '\n'))
	return err
}

// dictParser reads the Python dictionary of an NPY header: three keys in any
// order, each once, and no other.
type dictParser struct {
	s string
	i int

	descr   string
	fortran bool
	dims    []int
	seen    map[string]bool
}

func (p *dictParser) missing() string {
	for _, k := range []string{"descr", "fortran_order", "shape"} {
		if !p.seen[k] {
			return k
		}
	}
	return ""
}

func (p *dictParser) dict() error {
	p.seen = map[string]bool{}
	if err := p.expect('{'); err != nil {
		return err
	}
	for p.peek() != '}' {
		key, err := p.str()
		if err != nil {
			return err
		}
		if p.seen[key] {
			return fmt.Errorf("key %q twice", key)
		}
		p.seen[key] = true
		if err := p.expect(':'); err != nil {
			return err
		}
		switch key {
		case "descr":
			if c := p.peek(); c == '[' || c == '(' {
				return fmt.Errorf("structured arrays are not supported")
			}
			p.descr, err = p.str()
		case "fortran_order":
			p.fortran, err = p.boolean()
		case "shape":
			p.dims, err = p.tuple()
		default:
			err = fmt.Errorf("unknown key %q", key)
		}
		if err != nil {
			return err
		}
		if p.peek() != ',' {
			break
		}
		p.i++
	}
	if err := p.expect('}'); err != nil {
		return err
	}
	if p.peek() != 0 || p.i < len(p.s) {
		return fmt.Errorf("text after the dictionary")
	}
	return nil
}

// peek skips spaces and gives the next byte, 0 at the end.
func (p *dictParser) peek() byte {
	for p.i < len(p.s) && strings.IndexByte(" \t\n\r", p.s[p.i]) >= 0 {
		p.i++
	}
	if p.i == len(p.s) {
		return 0
	}
	return p.s[p.i]
}

func (p *dictParser) expect(c byte) error {
	if got := p.peek(); got != c || p.i == len(p.s) {
		return fmt.Errorf("expected %q", c)
	}
	p.i++
	return nil
}

func (p *dictParser) str() (string, error) {
	q := p.peek()
	if q != '\'' && q != '"' {
		return "", fmt.Errorf("expected a string")
	}
	n := strings.IndexByte(p.s[p.i+1:], q)
	if n < 0 {
		return "", fmt.Errorf("string without an end")
	}
	s := p.s[p.i+1 : p.i+1+n]
	if strings.IndexByte(s, '\\') >= 0 {
		return "", fmt.Errorf("escaped string")
	}
	p.i += n + 2
	return s, nil
}

func (p *dictParser) boolean() (bool, error) {
	p.peek()
	for _, v := range []string{"True", "False"} {
		if strings.HasPrefix(p.s[p.i:], v) {
			p.i += len(v)
			return v == "True", nil
		}
	}
	return false, fmt.Errorf("expected True or False")
}

// tuple reads "()", "(3,)" or "(3, 4)". A Python 2 file may write 3L.
func (p *dictParser) tuple() ([]int, error) {
	if err := p.expect('('); err != nil {
		return nil, err
	}
	dims := []int{}
	for p.peek() != ')' {
		start := p.i
		for p.i < len(p.s) && (p.s[p.i] == '-' || p.s[p.i] >= '0' && p.s[p.i] <= '9') {
			p.i++
		}
		d, err := strconv.ParseInt(p.s[start:p.i], 10, 0)
		if err != nil {
			return nil, fmt.Errorf("expected a dimension of at most 63 bits")
		}
		if d < 0 {
			return nil, fmt.Errorf("dimension %d is negative", d)
		}
		if len(dims) == maxNPYRank {
			return nil, fmt.Errorf("more than %d dimensions", maxNPYRank)
		}
		dims = append(dims, int(d))
		if p.i < len(p.s) && p.s[p.i] == 'L' {
			p.i++
		}
		if p.peek() != ',' {
			if len(dims) == 1 {
				return nil, fmt.Errorf("a tuple of one needs a comma")
			}
			break
		}
		p.i++
	}
	return dims, p.expect(')')
}
