// Package fault is the error type that every room reports with: which file,
// which field or row, what was found and what was expected, and the class of
// the failure, which is the program's exit code.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is the class of a failure. Its value is the exit code of the program.
type Kind int

// The exit codes of kdonnx. 2 is never used: it is that of a Go panic.
const (
	Input       Kind = 3   // a model, data or recipe file is not what it should be
	IO          Kind = 4   // disk, memory, network or permission
	Teacher     Kind = 5   // the teacher process died or timed out
	Diverged    Kind = 6   // training produced NaN or Inf
	Parity      Kind = 7   // ONNX Runtime does not reproduce the student
	Integrity   Kind = 8   // a digest or version does not match
	Usage       Kind = 64  // flags and arguments
	Interrupted Kind = 130 // stopped by a signal with a checkpoint saved
)

// Error is one failure in one line: "path: field: message: cause".
type Error struct {
	Kind  Kind
	Path  string // file or folder; empty when the fault is not in one
	Field string // field path, byte offset, row or flag; may be empty
	Msg   string // what was found and what was expected
	Err   error  // cause; may be nil
}

// New makes an Error whose message is formatted from format and args.
// An argument wrapped by %w becomes the cause.
func New(kind Kind, path, field, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Path: path, Field: field, Msg: wrapped.Error(), Err: errors.Unwrap(wrapped)}
}

// Error joins path, field and message with ": ", leaving out what is empty.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{e.Path, e.Field, e.Msg} {
		if p != "" {
			parts = append(parts, oneLine(p))
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the class of the first Error in err's chain, or IO when
// there is none: what nobody classified came from the system.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return IO
}

// oneLine quotes control characters, so that a hostile file name or field
// cannot break the one-line promise.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return s
	}
	q := fmt.Sprintf("%q", s)
	return q[1 : len(q)-1]
}
