package durable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// ReadJSON reads the one JSON object that the file at path is, of at most so many
// bytes, into the struct that to points to; what is what was expected. A file that
// people may write by hand is read: a byte order mark does no harm, and a key that
// the struct has not, one that is given twice and a null are faults.
func ReadJSON(path string, most int64, what string, to any) error {
	f, err := Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot read: %w", cause(err))
	}
	bad := func(field, format string, args ...any) error {
		return fault.New(fault.Input, path, field, format, args...)
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	switch {
	case int64(len(data)) > most:
		return bad("", "has more than the limit of %d bytes, expected %s", most, what)
	case len(bytes.TrimSpace(data)) == 0:
		return bad("", "the file is empty, expected %s", what)
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return bad("", "is text in UTF-16, expected %s in UTF-8", what)
	}
	for rest := data; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			return bad("", "byte %d: got %#02x, which is no UTF-8, expected %s", len(data)-len(rest), rest[0], what)
		}
		rest = rest[n:]
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := decode(path, data, d, what, to); err != nil {
		return err
	}
	if field, odd := ambiguous(data); odd != "" {
		return bad(field, "%s", odd)
	}
	return nil
}

// ParseJSON reads one JSON object into to; path names it in faults, and what is
// what was expected. Keys that the struct has not are left out: a later kdonnx may
// have more of them.
func ParseJSON(path string, data []byte, what string, to any) error {
	return decode(path, data, json.NewDecoder(bytes.NewReader(data)), what, to)
}

// decode is ParseJSON by d, which reads data.
func decode(path string, data []byte, d *json.Decoder, what string, to any) error {
	var typed *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch err := d.Decode(to); {
	case errors.As(err, &typed):
		return fault.New(fault.Input, path, keyPath(typed.Field), "got %s, expected %s", fault.Clip(typed.Value, 60), wanted(typed))
	case errors.As(err, &syntax):
		return fault.New(fault.Input, path, "", "byte %d: %w, expected %s", syntax.Offset, err, what)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Input, path, "", "the JSON ends early, after %d bytes", len(data))
	case err != nil:
		return fault.New(fault.Input, path, "", "%s", fault.Clip(strings.TrimPrefix(err.Error(), "json: "), 100))
	}
	if rest := bytes.TrimSpace(data[d.InputOffset():]); len(rest) > 0 {
		return fault.New(fault.Input, path, "", "byte %d: got more after the JSON object, expected its end", d.InputOffset())
	}
	return nil
}

// ambiguous finds the first key that an object has twice, as it is or in another
// case, which Go takes for the same, and the first null, which Go takes for
// nothing said. Data is valid JSON.
func ambiguous(data []byte) (field, odd string) {
	type level struct {
		keys map[string]bool // of an object; nil of a list
		key  string          // the last
		n    int             // keys and values of an object, values of a list
	}
	var stack []level
	at := func() string {
		var b strings.Builder
		for _, l := range stack {
			switch {
			case l.keys == nil:
				fmt.Fprintf(&b, "[%d]", l.n-1)
			case b.Len() > 0:
				b.WriteString("." + l.key)
			default:
				b.WriteString(l.key)
			}
		}
		return b.String()
	}
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if err != nil { // the end
			return "", ""
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if len(stack) > 0 {
			top := &stack[len(stack)-1]
			top.n++
			if top.keys != nil && top.n%2 == 1 {
				top.key = token.(string)
				folded := strings.ToLower(top.key)
				if top.keys[folded] {
					return at(), "is given twice, expected it once"
				}
				top.keys[folded] = true
				continue
			}
		}
		switch token {
		case nil:
			return at(), "got null, expected a value"
		case json.Delim('{'):
			stack = append(stack, level{keys: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}

// keyPath is a path of fields as the file has it: without the names of structs
// that are part of another, which are Go's.
func keyPath(field string) string {
	parts := strings.Split(field, ".")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p != "" && unicode.IsUpper(rune(p[0])) }), ".")
}

// wanted is what a key takes.
func wanted(e *json.UnmarshalTypeError) string {
	switch k := e.Type.Kind().String(); {
	case strings.HasPrefix(k, "int"), strings.HasPrefix(k, "uint"):
		return "a whole number"
	case strings.HasPrefix(k, "float"):
		return "a number"
	case k == "bool":
		return "true or false"
	case k == "slice", k == "array":
		return "a list"
	case k == "string":
		return "a text"
	}
	return "an object"
}
