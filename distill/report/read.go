package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// MaxFile is the largest metrics.json that is read.
const MaxFile = 64 << 20

// Find is the metrics.json that path is, or that lies in the folder path.
func Find(path string) string {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return filepath.Join(path, "metrics.json")
	}
	return path
}

// Read reads a metrics.json that WriteJSON wrote, or whose bytes somebody
// else chose: what it says is checked so that every page can be made of it.
func Read(path string) (*Report, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// readFile is the file at path, one byte more than MaxFile at most.
func readFile(path string) ([]byte, error) {
	f, err := durable.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", plain(err))
	}
	return data, nil
}

// plain is err without the path, which the fault names.
func plain(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Parse is Read of data, which path names in errors.
func Parse(path string, data []byte) (*Report, error) {
	if len(data) > MaxFile {
		return nil, fault.New(fault.Input, path, "", "got more than %d MiB, expected the metrics.json of a run", MaxFile>>20)
	}
	r, err := decode(path, data)
	if err != nil {
		return nil, err
	}
	if r.Format > Format {
		return nil, fault.New(fault.Integrity, path, "format", "got %d, expected at most %d: a newer kdonnx wrote it", r.Format, Format)
	}
	return r, r.check(path)
}

func decode(path string, data []byte) (*Report, error) {
	r := &Report{}
	return r, decodeAs(path, data, r)
}

// decodeAs reads one JSON object into to. Keys that it does not know are left
// out: a later kdonnx may have more of them.
func decodeAs(path string, data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	var typed *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch err := d.Decode(to); {
	case errors.As(err, &typed):
		return fault.New(fault.Input, path, keyPath(typed.Field), "got %s, expected %s", fault.Clip(typed.Value, 60), wanted(typed))
	case errors.As(err, &syntax):
		return fault.New(fault.Input, path, "", "byte %d: %w, expected the metrics.json of a run", syntax.Offset, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Input, path, "", "the JSON ends early, after %d bytes", len(data))
	case err != nil:
		return fault.New(fault.Input, path, "", "%w", err)
	}
	if rest := bytes.TrimSpace(data[d.InputOffset():]); len(rest) > 0 {
		return fault.New(fault.Input, path, "", "byte %d: got more after the JSON object, expected its end", d.InputOffset())
	}
	return nil
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
