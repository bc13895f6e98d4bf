package distill

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

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
		return nil, fault.New(fault.IO, path, "", "cannot read recipe: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRecipe+1))
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read recipe: %w", err)
	}
	if len(text) > maxRecipe {
		return nil, fault.New(fault.Usage, path, "", "recipe has more than the limit of %d bytes", maxRecipe)
	}
	return text, nil
}

// decode reads YAML over r, strictly.
func (r *Recipe) decode(name string, text []byte) error {
	bad := func(err error) error {
		msg, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
		if strings.HasPrefix(name, "--set") { // its one value needs no line and column
			_, msg, _ = strings.Cut(msg, "] ")
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
			if t.Field(i).Tag.Get("yaml") != v.Key.String() {
				continue
			}
			if err := wholeNumbers(v.Value, t.Field(i).Type); err != nil {
				return err
			}
		}
	}
	return nil
}
