package distill

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Inputs says what goes into the teacher's inputs, each as NAME=COLUMN,…,
// NAME=* for the whole row, or NAME=@VALUE for a constant. In a recipe it is a
// list of these, or a map from names to columns (text, or a list of texts) and
// constants (numbers and booleans, or a list of them).
type Inputs []string

// UnmarshalYAML reads a list or a map.
func (in *Inputs) UnmarshalYAML(n ast.Node) error {
	bad := func(n ast.Node, want string) error {
		at := n.GetToken().Position
		return fmt.Errorf("[%d:%d] got %s, expected %s", at.Line, at.Column, n.Type(), want)
	}
	*in = nil
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.NullNode:
		return nil
	case *ast.SequenceNode:
		for _, v := range n.Values {
			text, constant, ok := scalar(v)
			if !ok || constant {
				return bad(v, "NAME=COLUMN, NAME=* or NAME=@VALUE")
			}
			*in = append(*in, text)
		}
		return nil
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		return bad(n, "a map from inputs to columns or numbers, or a list of NAME=COLUMN")
	}
	for _, p := range pairs {
		values := []ast.Node{p.Value}
		if list, ok := p.Value.(*ast.SequenceNode); ok {
			values = list.Values
		}
		var texts []string
		constants := 0
		for _, v := range values {
			text, constant, ok := scalar(v)
			if !ok {
				return bad(v, "a column, a number, or a list of either")
			}
			if constant {
				constants++
			}
			texts = append(texts, text)
		}
		at := ""
		if constants > 0 {
			at = "@"
		}
		if len(texts) == 0 || constants > 0 && constants < len(texts) {
			return bad(p.Value, "columns alone, or numbers alone")
		}
		name, _, ok := scalar(p.Key)
		if !ok {
			return bad(p.Key, "the name of an input")
		}
		*in = append(*in, name+"="+at+strings.Join(texts, ","))
	}
	return nil
}

// scalar is the text of a node; numbers and booleans are constants.
func scalar(n ast.Node) (text string, constant, ok bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, false, true
	case *ast.LiteralNode:
		return strings.TrimSpace(v.Value.Value), false, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true, true
	}
	return "", false, false
}
