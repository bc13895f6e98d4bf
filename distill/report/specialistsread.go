package report

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// specialistsFile is the JSON of Specialists in a folder of its own.
const specialistsFile = "specialists.json"

// specialistsJSON is what faults call the JSON of Specialists.
const specialistsJSON = "the JSON of specialists"

// FindSpecialists is the JSON of Specialists that path is, or that lies in the
// folder path without a metrics.json; ok is false where there is none.
func FindSpecialists(path string) (file string, ok bool) {
	if file = Find(path); file != path {
		if _, err := os.Stat(file); err == nil {
			return "", false
		}
		file = filepath.Join(path, specialistsFile)
	}
	data, err := readFile(file)
	if err != nil {
		return "", false
	}
	kind := struct {
		Kind string `json:"kind"`
	}{}
	return file, durable.ParseJSON(file, data, specialistsJSON, &kind) == nil && kind.Kind == KindSpecialists
}

// ReadSpecialists reads the JSON of Specialists, whoever wrote it: what it says is
// checked so that the page can be made of it.
func ReadSpecialists(path string) (*Specialists, error) {
	s := &Specialists{}
	if err := parseFile(path, specialistsJSON, s); err != nil {
		return nil, err
	}
	switch {
	case s.Kind != KindSpecialists:
		return nil, fault.New(fault.Input, path, "kind", "got %s, expected %q", fault.Clip(fmt.Sprintf("%q", s.Kind), 60), KindSpecialists)
	case s.Format > Format:
		return nil, fault.New(fault.Integrity, path, "format", "got %d, expected at most %d: a newer kdonnx wrote it", s.Format, Format)
	}
	if field, what := s.odd(); field != "" {
		return nil, fault.New(fault.Input, path, field, "%s", what)
	}
	return s, nil
}

// odd finds what no page could be made of.
func (s *Specialists) odd() (field, what string) {
	if field, what = outside(reflect.ValueOf(s).Elem()); field != "" {
		return field, what
	}
	of := len(s.Classes)
	classes := func(name string, list ...int) {
		for _, k := range list {
			if field == "" && (k < 0 || k >= of) {
				field, what = name, fmt.Sprintf("got class %d, expected 0 to %d", k, of-1)
			}
		}
	}
	counts := func(name string, list ...int) {
		for _, n := range list {
			if field == "" && (n < 0 || n > most) {
				field, what = name, fmt.Sprintf("got %d, expected 0 to %d", n, most)
			}
		}
	}
	for i, set := range s.Sets {
		name := fmt.Sprintf("sets[%d].", i)
		classes(name+"classes", set.Classes...)
		counts(name+"rows", set.Rows, set.Before, set.After, set.Asked)
	}
	if u := s.Union; u != nil {
		classes("union.classes", u.Classes...)
		counts("union.rows", u.Rows, u.Before, u.After)
	}
	for i, c := range s.Covering {
		counts(fmt.Sprintf("covering[%d].rows", i), c.Specialists, c.Rows, c.Before, c.After)
	}
	for name, list := range map[string][]ConfusedPair{"less": s.Less, "more": s.More} {
		for i, c := range list {
			classes(fmt.Sprintf("%s[%d]", name, i), c.Label, c.Answer)
			counts(fmt.Sprintf("%s[%d]", name, i), c.Before, c.After)
		}
	}
	counts("asked", s.Asked...)
	counts("labelled", s.Labelled)
	if n := len(s.Confusion); field == "" && n > 0 && n != of*of {
		return "confusion", fmt.Sprintf("got %d numbers, expected %d, one a pair of classes", n, of*of)
	}
	return field, what
}
