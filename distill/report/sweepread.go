package report

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// SweepFile is the JSON of a Sweep in its folder.
const SweepFile = "sweep.json"

// sweepJSON is what faults call it.
const sweepJSON = "the sweep.json of a sweep"

// Bounds on a sweep that is read: figures look through all cells for each value
// of an axis and each student.
const (
	maxReadCells = 100_000
	maxLooks     = 1 << 31
)

// FindSweep is the JSON of a Sweep that path is, by its name, or that lies in the
// folder path without a metrics.json; ok is false where there is none.
func FindSweep(path string) (file string, ok bool) {
	if file = Find(path); file != path {
		if _, err := os.Stat(file); err == nil {
			return "", false
		}
		file = filepath.Join(path, SweepFile)
	}
	st, err := os.Stat(file)
	return file, err == nil && st.Mode().IsRegular() && filepath.Base(file) == SweepFile
}

// ReadSweep reads the JSON of a Sweep, whoever wrote it: what it says is checked
// so that the page can be made of it.
func ReadSweep(path string) (*Sweep, error) {
	s := &Sweep{}
	if err := parseFile(path, sweepJSON, s); err != nil {
		return nil, err
	}
	if field, what := s.odd(); field != "" {
		return nil, fault.New(fault.Input, path, field, "%s", what)
	}
	return s, nil
}

// odd finds what no page could be made of.
func (s *Sweep) odd() (field, what string) {
	if field, what = outside(reflect.ValueOf(s).Elem()); field != "" {
		return field, what
	}
	switch {
	case s.Measure == "":
		return "measure", "missing, expected accuracy, micro-F1 or R²"
	case len(s.Cells) == 0 || len(s.Cells)+len(s.Baselines) > maxReadCells:
		return "cells", fmt.Sprintf("got %d beside %d baselines, expected 1 to %d", len(s.Cells), len(s.Baselines), maxReadCells)
	}
	for _, c := range []struct {
		field string
		n     int
	}{{"epochs", s.Epochs}, {"seeds", s.Seeds}, {"rows", s.Rows}} {
		if c.n < 0 {
			return c.field, fmt.Sprintf("got %d, expected at least 0", c.n)
		}
	}
	for i, c := range s.Cells {
		if c.Diverged == "" && !finite(float64(c.Value)) {
			return fmt.Sprintf("cells[%d].value", i), "got no number, expected one of a cell that did not diverge"
		}
	}
	most := 1
	for _, a := range s.Axes {
		most = max(most, len(a.Values))
	}
	if students := len(s.students()); students*most > maxLooks/len(s.Cells) {
		return "axes", fmt.Sprintf("got %d values and %d students of %d cells, which no sweep has", most, students, len(s.Cells))
	}
	return "", ""
}
