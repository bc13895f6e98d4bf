package distill

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Bounds on a recipe file: YAML's parser takes a time that grows with the
// square of the nesting.
const (
	maxRecipe  = 1 << 16
	maxNesting = 32
)

// readRecipe reads the text of a recipe file.
func readRecipe(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", plain(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRecipe+1))
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", plain(err))
	}
	if len(text) > maxRecipe {
		return nil, fault.New(fault.Usage, path, "", "recipe has more than the limit of %d bytes", maxRecipe)
	}
	return text, nil
}

// plain is err without the path, which the fault names.
func plain(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// decode reads YAML over r, strictly.
func (r *Recipe) decode(name string, text []byte) error {
	bad := func(err error) error {
		msg := says(err)
		if _, rest, ok := strings.Cut(msg, "] "); ok && strings.HasPrefix(name, "--set") { // its one value needs no line and column
			msg = rest
		}
		return fault.New(fault.Usage, name, "", "%s", msg)
	}
	if err := shallow(text); err != nil {
		return bad(err)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return bad(err)
	}
	if !slices.ContainsFunc(file.Docs, func(d *ast.DocumentNode) bool { return d.Body != nil }) {
		return bad(errors.New("the recipe is empty, expected sections such as student, loss and train; kdonnx init writes one"))
	}
	if n := len(file.Docs); n > 1 {
		return bad(fmt.Errorf("got %d documents, expected one document", n))
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(r); err != nil && err != io.EOF {
		return bad(err)
	}
	for _, doc := range file.Docs {
		if err := wholeNumbers(doc.Body, reflect.TypeOf(*r)); err != nil {
			return bad(err)
		}
	}
	return nil
}

// says is the first line of an error of YAML, without the names of Go's types.
func says(err error) string {
	var typed *yaml.TypeError
	var large *yaml.OverflowError
	switch {
	case errors.As(err, &typed) && typed.Token != nil:
		at, got := typed.Token.Position, strconv.Quote(fault.Clip(typed.Token.Value, 40))
		switch typed.Token.Value {
		case "[", "-":
			got = "a list"
		case "{", ":":
			got = "keys with values"
		}
		return fmt.Sprintf("[%d:%d] got %s, expected %s", at.Line, at.Column, got, wanted(typed.DstType))
	case errors.As(err, &large) && large.Token != nil:
		at := large.Token.Position
		return fmt.Sprintf("[%d:%d] got %s, out of range", at.Line, at.Column, fault.Clip(large.SrcNum, 40))
	}
	msg, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
	if _, key, ok := strings.Cut(msg, `unknown field "`); ok {
		if near := fault.Nearest(strings.TrimSuffix(key, `"`), keysOf(reflect.TypeFor[Recipe]())); near != "" {
			msg += fmt.Sprintf("; did you mean %q?", near)
		}
	}
	return msg
}

// keysOf are the keys of a type and of what is in it, in their order.
func keysOf(t reflect.Type) (keys []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" && key != "-" {
			keys = append(keys, key)
		}
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(f.Type)...)
		}
	}
	return keys
}

// wanted names what a key of a type takes.
func wanted(t reflect.Type) string {
	if t == reflect.TypeFor[time.Duration]() {
		return "a duration such as 2m"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "keys with values"
	}
	return "a text"
}

// shallow refuses text that nests deeper than any recipe does.
func shallow(text []byte) error {
	depth := 0
	for i, line := range bytes.Split(text, []byte("\n")) {
		indent := len(line) - len(bytes.TrimLeft(line, " -?\t"))
		for _, c := range line {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
		}
		if depth > maxNesting || indent > 4*maxNesting {
			return fmt.Errorf("[%d:1] nested too deeply, expected sections of keys", i+1)
		}
	}
	return nil
}

// wholeNumbers refuses a fraction where t, or a field of it, is an integer:
// the decoder would cut it.
func wholeNumbers(n ast.Node, t reflect.Type) error {
	if t.Kind() != reflect.Struct {
		switch n.(type) {
		case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
			if at := n.GetToken().Position; t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 {
				return fmt.Errorf("[%d:%d] got %s, expected a whole number", at.Line, at.Column, n)
			}
		}
		return nil
	}
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	}
	for _, v := range values {
		for i := range t.NumField() {
			if yamlName(t.Field(i)) != v.Key.String() {
				continue
			}
			if err := wholeNumbers(v.Value, t.Field(i).Type); err != nil {
				return err
			}
		}
	}
	return nil
}
