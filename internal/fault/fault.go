// Package fault is the error type that every room reports with: which file,
// which field or row, what was found and what was expected, and the class of
// the failure, which is the program's exit code.
package fault

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
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
			parts = append(parts, show(p))
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

// longest is the bytes of a path, field or message that an error shows.
const longest = 1500

// show makes a part of an error fit for one line of a terminal.
func show(s string) string {
	return Printable(Clip(s, longest))
}

// Clip is the first most bytes of a longer text, without half a character.
func Clip(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// Printable escapes what is no visible character or space, and no valid UTF-8,
// as in a Go string: a hostile name cannot break the promise of one line, move
// a terminal's cursor or turn the direction of writing.
func Printable(s string) string {
	if !strings.ContainsFunc(s, hidden) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || hidden(r) {
			q := strconv.Quote(s[:n])
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) }
