package export

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student/graph"
)

// ClassesKey is the key, without MetaPrefix, of the class names as JoinClasses
// writes them.
const ClassesKey = "classes"

// TaskKey and TargetsKey are the keys, without MetaPrefix, of the task where it
// is not multi-class, and of the names of the labels or numbers that are
// predicted, as JoinClasses writes them.
const (
	TaskKey    = "task"
	TargetsKey = "targets"
)

// JoinClasses puts class names into one metadata value, one a line. Line
// breaks, NUL, quotes, backslashes and what is not UTF-8 are escaped as in Go.
func JoinClasses(names []string) string {
	lines := make([]string, len(names))
	for i, name := range names {
		q := strconv.Quote(name)
		lines[i] = q[1 : len(q)-1]
	}
	return strings.Join(lines, "\n")
}

// SplitClasses is the inverse of JoinClasses. A line that is not escaped as
// that does stands for itself.
func SplitClasses(value string) []string {
	names := strings.Split(value, "\n")
	for i, line := range names {
		if name, err := strconv.Unquote(`"` + line + `"`); err == nil {
			names[i] = name
		}
	}
	return names
}

// checkEntry refuses metadata that would not come back as it went in: readers
// take it as UTF-8 that ends at the first NUL, and of class names there is one
// a line and output.
func checkEntry(e onnx.Entry, classes int) error {
	field := "metadata " + strconv.Quote(MetaPrefix+e.Key)
	for _, s := range []string{e.Key, e.Value} {
		if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			return fault.New(fault.Input, "", field, "holds %q, expected UTF-8 text without NUL", s)
		}
	}
	if e.Key == "" || MetaPrefix+e.Key == graph.FrozenKey {
		return fault.New(fault.Usage, "", field, "is not for callers to set")
	}
	if n := strings.Count(e.Value, "\n") + 1; (e.Key == ClassesKey || e.Key == TargetsKey) && n != classes {
		return fault.New(fault.Input, "", field, "has %d lines, expected one for each of %d outputs", n, classes)
	}
	return nil
}
