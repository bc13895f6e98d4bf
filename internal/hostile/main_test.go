// Package hostile runs the real kdonnx on files that mean harm and holds every
// run against one contract: the exit code of its class, one line that names the
// file, no stack trace, bounded memory and time, nothing left half-written.
//
// The files are made when the tests run, from fixed seeds; nothing is kept.
// `make hostile` prints the outcome of every row and writes docs/hostile.md.
package hostile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kdonnx/kdonnx/runtime/ort"
)

// program is the kdonnx under test, library the ONNX Runtime it uses.
var program, library string

func TestMain(m *testing.M) {
	if os.Getenv(launchVariable) != "" {
		launch()
		return
	}
	os.Exit(prepared(m))
}

// prepared builds the program, once for all tests, and runs them.
func prepared(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kdonnx-hostile")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "kdonnx")
	build := exec.Command("go", "build", "-o", program, "../../cmd/kdonnx")
	if text, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, text)
		return 1
	}
	lib, err := ort.Find("")
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\nthese tests need ONNX Runtime: make test installs it and runs them\n", err)
		return 1
	}
	library = lib.Path
	return m.Run()
}
