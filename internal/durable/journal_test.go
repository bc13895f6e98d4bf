package durable

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// TestJournal holds what stands there to what was set and appended, whatever
// stood there before.
func TestJournal(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 1<<13) // more than one read
	for name, c := range map[string]struct{ before, set string }{
		"new":               {"", "a\nb\n"},
		"the same":          {"a\nb\n", "a\nb\n"},
		"torn":              {"a\nb", "a\n"},
		"torn and told":     {"a\nb", "a\nb\n"},
		"of another run":    {"x\ny\nz\n", "a\nb\n"},
		"nothing":           {"x\n", ""},
		"long, all there":   {long, long},
		"long, more there":  {long + "z", long},
		"long, less there":  {long[:70000], long},
		"long, other later": {long[:70000] + "z" + long[70001:], long},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "j")
			if err := os.WriteFile(path, []byte(c.before), 0o644); err != nil {
				t.Fatal(err)
			}
			j, err := OpenJournal(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(j.Set([]byte(c.set)), j.Append([]byte("end\n")), j.Close()); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(path); string(got) != c.set+"end\n" {
				t.Errorf("got %d bytes %.40q", len(got), got)
			}
		})
	}
}

// TestJournalKeeps requires that what is there already is not written again.
func TestJournalKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	if err := os.WriteFile(path, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	j, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if same, err := j.common([]byte("abd")); same != 2 || err != nil {
		t.Errorf("kept %d bytes, %v; expected 2", same, err)
	}
}

func TestJournalRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "j")
	j, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(path); !errors.Is(err, ErrInUse) || fault.KindOf(err) != fault.IO {
		t.Errorf("two writers: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	link, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.Symlink(path, link), syscall.Mkfifo(pipe, 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{dir, link, pipe, filepath.Join(dir, "no", "j")} {
		var f *fault.Error
		if _, err := OpenJournal(bad); !errors.As(err, &f) || f.Kind != fault.IO || f.Path != bad {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestJournalFullDisk fails a write: the record does not count as written.
func TestJournalFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/dev/full, a disk without space, is Linux's")
	}
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	j := &Journal{f: full, path: "j"}
	if err := j.Append([]byte("record\n")); fault.KindOf(err) != fault.IO || !strings.Contains(err.Error(), "no space left") || j.size != 0 {
		t.Errorf("got %v, size %d", err, j.size)
	}
}
