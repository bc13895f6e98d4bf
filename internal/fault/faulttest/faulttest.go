// Package faulttest is for tests that want an error.
package faulttest

import (
	"errors"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Want requires a fault of the kind whose one line holds all texts. The test goes
// on only where there is one of that kind.
func Want(t testing.TB, err error, kind fault.Kind, texts ...string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || fault.KindOf(err) != kind {
		t.Fatalf("got %v (%T), expected a fault of kind %d with %q", err, err, kind, texts)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than one line", err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
}
