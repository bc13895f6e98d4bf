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
	"encoding/json"
	"fmt"
	"os"
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
	s.Format = setsFormat
	return durable.WriteJSON(path, s)
}

// ReadSets reads and checks the file at path.
func ReadSets(path string) (*Sets, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", err)
	}
	s := &Sets{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fault.New(fault.Input, path, "", "no clusters: %w", err)
	}
	if s.Format != setsFormat {
		return nil, fault.New(fault.Input, path, "format", "got %q, expected %q", s.Format, setsFormat)
	}
	for m, set := range s.Sets {
		if err := checkSet(set, len(s.Classes)); err != nil {
			return nil, fault.New(fault.Input, path, fmt.Sprintf("sets[%d]", m), "%w", err)
		}
	}
	return s, nil
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
