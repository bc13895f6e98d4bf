package kdonnx

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// bareWrite is what makes or opens a file for writing without internal/durable.
var bareWrite = regexp.MustCompile(`\bos\.(WriteFile|Create|CreateTemp)\(|\bos\.OpenFile\(.*\bO_(WRONLY|RDWR|CREATE|APPEND|TRUNC)\b`)

// bareWriters are the files that may, and why: none writes under a final name in a
// folder that somebody else reads.
var bareWriters = map[string]string{
	"runtime/ort/source.go":           "a download, in a folder that is removed or renamed whole",
	"runtime/ort/archive.go":          "what is unpacked, in such a folder",
	"runtime/ort/serve.go":            "a setting of the process, in /proc",
	"teacher/store/spill.go":          "memory on disk, which has no name",
	"internal/clouds/clouds.go":       "for tests",
	"internal/contracts/contracts.go": "for tests",
}

// bareWrites lists the lines below fsys that write without internal/durable, as
// "file: line", but for tests and the files in allowed.
func bareWrites(t *testing.T, fsys fs.FS, allowed map[string]string) (found []string) {
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || p == "internal/durable") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go") || allowed[p] != "" {
			return nil
		}
		src, err := fs.ReadFile(fsys, p)
		for line := range bytes.Lines(src) {
			if bareWrite.Match(line) {
				found = append(found, p+": "+strings.TrimSpace(string(line)))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestWritesAreDurable requires of all files that they are written by internal/durable,
// so that a kill leaves none under its final name that is not whole. Tests that kill
// at random moments hardly ever hit the one write that is not.
func TestWritesAreDurable(t *testing.T) {
	for _, line := range bareWrites(t, os.DirFS("."), bareWriters) {
		t.Errorf("%s: expected internal/durable to write it", line)
	}
	for file, why := range bareWriters {
		if src, err := os.ReadFile(file); err != nil || !bareWrite.Match(src) {
			t.Errorf("%s (%s) writes nothing: %v", file, why, err)
		}
	}
}

// TestWritesAreSeen plants every way of it.
func TestWritesAreSeen(t *testing.T) {
	planted := []string{
		"os.WriteFile(path, data, 0o644)", "f, err := os.Create(path)", "f, err := os.CreateTemp(dir, name)",
		"f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)", "os.OpenFile(path, os.O_RDWR, 0)", "os.OpenFile(path, os.O_APPEND, 0)",
	}
	fsys := fstest.MapFS{
		"distill/read.go":            {Data: []byte("f, err := os.OpenFile(path, os.O_RDONLY, 0)\ndurable.WriteFile(fs, path, write)\n")},
		"distill/write_test.go":      {Data: []byte(planted[0])},
		"internal/durable/file.go":   {Data: []byte(planted[0])},
		"distill/write.go":           {Data: []byte(strings.Join(planted, "\n"))},
		"distill/allowed.go":         {Data: []byte(planted[0])},
		"distill/testdata/gen/go.go": {Data: []byte(planted[0])},
	}
	found := bareWrites(t, fsys, map[string]string{"distill/allowed.go": "for this test"})
	if len(found) != len(planted) {
		t.Errorf("found %q", found)
	}
}
