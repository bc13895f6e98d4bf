package onnx

import (
	"strconv"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// loc is a place in a model: graph.node[12] "Conv_3". It is only spelled out
// when something is wrong there.
type loc struct {
	up    *loc
	field string
	index int // -1 for a field that is no list
	name  string
}

// in gives the place of a single field below l.
func (l *loc) in(field string) *loc { return &loc{up: l, field: field, index: -1} }

// named gives the place of a single field that has a name below l.
func (l *loc) named(field, name string) *loc { return l.at(field, -1, name) }

// at gives the place of a named element of a list below l.
func (l *loc) at(field string, index int, name string) *loc {
	return &loc{up: l, field: field, index: index, name: name}
}

func (l *loc) String() string {
	if l == nil || l.field == "" { // the model itself
		return ""
	}
	s := l.field
	if l.index >= 0 {
		s += "[" + strconv.Itoa(l.index) + "]"
	}
	if l.name != "" {
		s += " " + quote(l.name)
	}
	if l.up == nil || l.up.field == "" {
		return s
	}
	return l.up.String() + "." + s
}

// bad makes the error that something at l is not as it should be.
func (l *loc) bad(format string, args ...any) error {
	return fault.New(fault.Input, "", l.String(), format, args...)
}

// quote shows a name from a file: control characters escaped, long ones cut.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}
