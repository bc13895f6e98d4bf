package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// failing is OS with the n-th operation failing.
type failing struct {
	n    *int
	what *string
}

func (f failing) op(name string) error {
	*f.n--
	if *f.n == 0 {
		*f.what = name
		return syscall.ENOSPC
	}
	return nil
}

func (f failing) CreateTemp(dir, pattern string) (File, error) {
	if err := f.op("create"); err != nil {
		return nil, err
	}
	file, err := OS{}.CreateTemp(dir, pattern)
	return failingFile{file, f}, err
}

func (f failing) Rename(from, to string) error {
	if err := f.op("rename"); err != nil {
		return err
	}
	return OS{}.Rename(from, to)
}

func (f failing) Remove(path string) error { return OS{}.Remove(path) }

func (f failing) SyncDir(dir string) error {
	if err := f.op("sync folder"); err != nil {
		return err
	}
	return OS{}.SyncDir(dir)
}

type failingFile struct {
	File
	f failing
}

// Write fails after half of the bytes, as a full disk does.
func (w failingFile) Write(b []byte) (int, error) {
	if err := w.f.op("write"); err != nil {
		n, _ := w.File.Write(b[:len(b)/2])
		return n, err
	}
	return w.File.Write(b)
}

func (w failingFile) Sync() error {
	if err := w.f.op("sync"); err != nil {
		return err
	}
	return w.File.Sync()
}

func (w failingFile) Close() error {
	err := w.File.Close()
	if e := w.f.op("close"); e != nil {
		return e
	}
	return err
}

// everyFailure fails the first, second, … operation of write until it
// succeeds, and reports how many failures left a broken file behind.
func everyFailure(t *testing.T, write func(fs FS, path, text string) error) (broken int, failed []string) {
	t.Helper()
	const before, after = "what was there before", "what is there afterwards"
	for n := 1; n < 100; n++ {
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		left, what := n, ""
		err := write(failing{&left, &what}, path, after)
		got, _ := os.ReadFile(path)
		if string(got) != before && string(got) != after {
			broken++
		}
		if what == "" {
			if err != nil || string(got) != after {
				t.Fatalf("without a failure: %q, %v", got, err)
			}
			return broken, failed
		}
		failed = append(failed, what)
		if err == nil {
			t.Errorf("%s failed and was reported as written", what)
		} else if fault.KindOf(err) != fault.IO {
			t.Errorf("%s: kind %d, expected %d", what, fault.KindOf(err), fault.IO)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 && what != "sync folder" {
			t.Errorf("%s left %d entries behind", what, len(entries))
		}
	}
	t.Fatal("no end of operations")
	return 0, nil
}

func TestEveryOperationFailsOnce(t *testing.T) {
	broken, failed := everyFailure(t, func(fs FS, path, text string) error {
		return WriteFile(fs, path, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
	})
	if broken != 0 {
		t.Errorf("%d of %v left a broken file", broken, failed)
	}
	if want := "create write sync close rename sync folder"; strings.Join(failed, " ") != want {
		t.Errorf("failed %v, expected %s", failed, want)
	}
}

// TestNaiveWriterIsSeen shows that the check above sees a writer that writes
// in place.
func TestNaiveWriterIsSeen(t *testing.T) {
	broken, _ := everyFailure(t, func(fs FS, path, text string) error {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		w := failingFile{f, fs.(failing)}
		_, err = io.WriteString(w, text)
		return errors.Join(err, w.Close())
	})
	if broken == 0 {
		t.Error("a writer in place was not seen to break the file")
	}
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		link:                          "symbolic link",
		dir:                           "folder",
		"/dev/full":                   "device",
		filepath.Join(dir, "no", "x"): "no such file",
	} {
		for name, err := range map[string]error{"Write": Write(path, []byte("x")), "Writable": Writable(path)} {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), tempMark) {
				t.Errorf("%s(%s): %v, expected %q and no temporary's name", name, path, err, want)
			}
		}
	}
	if got, _ := os.ReadFile(target); string(got) != "kept" {
		t.Errorf("the link's target became %q", got)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(path); err == nil || !strings.Contains(err.Error(), "in use by process") {
		t.Errorf("second lock: %v", err)
	}
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Unlock()
}

func TestClean(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.onnx", "a.onnx" + tempMark + "123", "b" + tempMark + "4"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		mine func(string) bool
		want int
	}{{func(name string) bool { return name == "b" }, 2}, {nil, 1}} {
		if err := Clean(dir, c.mine); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != c.want || entries[0].Name() != "a.onnx" {
			t.Errorf("left %v, %v, want %d with a.onnx first", entries, err, c.want)
		}
	}
}

// TestNoLockOnARemovedFile holds that a lock is never taken on a file that its
// owner removed, when it had done, between our opening and locking it.
func TestNoLockOnARemovedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	for _, again := range []bool{false, true} { // nobody, or somebody else, made the file anew
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if again {
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if l, _, err := claim(f, path); l != nil || err != nil {
			t.Errorf("made anew %v: lock %v, error %v, expected neither", again, l, err)
		}
	}
}
