// Package specialist finds what a classifier confuses, trains small experts on
// it, and joins them to one answer: section 5 of Hinton, Vinyals and Dean (2015,
// arXiv 1503.02531).
//
//	generalist → Sets (cluster) → specialists (train) → Bundle → one distribution a row (fuse)
//
// A generalist is any classifier over all C classes. Each specialist m knows a
// set of classes S^m and one dustbin for all others. For a row, those
// specialists speak whose sets meet the generalist's most likely classes, and
// the answer is the distribution q nearest to all who speak, by a sum of
// Kullback-Leibler divergences.
package specialist

import (
	"fmt"
	"slices"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// setsFormat begins every file of Sets.
const setsFormat = "kdonnx clusters 1"

// Sets say which classes each specialist is for.
type Sets struct {
	Format  string   `json:"format"`
	Classes []string `json:"classes"` // names of all classes, by index
	Sets    [][]int  `json:"sets"`    // S^m: indices of classes, ascending; sets may share some and leave some out
	About   string   `json:"about"`   // how they were found, for people

	path string // of the file; empty where there is none
}

// Covering is how many of the sets hold class k.
func (s *Sets) Covering(k int) (n int) {
	for _, set := range s.Sets {
		if _, ok := slices.BinarySearch(set, k); ok {
			n++
		}
	}
	return n
}

// Names are those of set m.
func (s *Sets) Names(m int) []string {
	names := make([]string, len(s.Sets[m]))
	for i, k := range s.Sets[m] {
		names[i] = s.Classes[k]
	}
	return names
}

// Write puts s into the file at path.
func (s *Sets) Write(path string) error {
	s.Format, s.path = setsFormat, path
	return durable.WriteJSON(path, s)
}

// maxFile bounds a file of sets and a manifest: sets of half a million classes in
// all take as much.
const maxFile = 8 << 20

// ReadSets reads and checks the file at path.
func ReadSets(path string) (*Sets, error) {
	s := &Sets{path: path}
	if err := durable.ReadJSON(path, maxFile, "the sets of kdonnx specialist cluster", s); err != nil {
		return nil, err
	}
	bad := func(field, format string, args ...any) error {
		return fault.New(fault.Input, path, field, format, args...)
	}
	if s.Format != setsFormat {
		return nil, bad("format", "got %q, expected %q", fault.Clip(s.Format, shownName), setsFormat)
	}
	if field, err := checkClasses(s.Classes); err != nil {
		return nil, bad(field, "%w", err)
	}
	if len(s.Sets) == 0 {
		return nil, bad("sets", "got none, expected at least one set of classes")
	}
	for m, set := range s.Sets {
		if err := checkSet(set, len(s.Classes)); err != nil {
			return nil, bad(fmt.Sprintf("sets[%d]", m), "%w", err)
		}
	}
	return s, nil
}

// shownName is the bytes of a name in a file that a fault shows.
const shownName = 60

// checkClasses wants the names of at least two classes, each another.
func checkClasses(names []string) (field string, err error) {
	if len(names) < 2 {
		return "classes", fmt.Errorf("got %d, expected at least 2", len(names))
	}
	first := make(map[string]int, len(names))
	for k, name := range names {
		if j, twice := first[name]; twice {
			return fmt.Sprintf("classes[%d]", k), fmt.Errorf("got %q, as classes[%d] is, expected another name", fault.Clip(name, shownName), j)
		}
		first[name] = k
	}
	return "", nil
}

// sameNames wants got, where it names classes, to be want.
func sameNames(got, want []string) error {
	if len(got) > 0 && len(got) != len(want) {
		return fmt.Errorf("got %d, expected %d", len(got), len(want))
	}
	for k, name := range got {
		if name != want[k] {
			return fmt.Errorf("got %q as number %d, expected %q", fault.Clip(name, shownName), k, fault.Clip(want[k], shownName))
		}
	}
	return nil
}

// checkSet wants the indices of at least one class, ascending.
func checkSet(set []int, classes int) error {
	if len(set) == 0 {
		return fmt.Errorf("is empty, expected at least one class")
	}
	for i, k := range set {
		if k < 0 || k >= classes {
			return fmt.Errorf("got class %d, expected 0 to %d", k, classes-1)
		}
		if i > 0 && k <= set[i-1] {
			return fmt.Errorf("got class %d after %d, expected ascending ones", k, set[i-1])
		}
	}
	return nil
}
