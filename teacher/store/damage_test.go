package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// TestEveryBitCounts flips one bit in each byte of each file of a store.
func TestEveryBitCounts(t *testing.T) {
	dir, ids := newStore(t, testKey(), 5, 3)
	for name, good := range contents(t, dir) {
		path := filepath.Join(dir, name)
		for at := range len(good) {
			bad := []byte(good)
			bad[at] ^= 1 << (at % 8)
			if err := os.WriteFile(path, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir)
			faulttest.Want(t, err, fault.Integrity, dir)
			if name != "store.json" && !strings.HasSuffix(name, ".json") && !strings.Contains(err.Error(), name) {
				t.Fatalf("%v does not name %s", err, name)
			}
			_, err = Create(dir, testKey(), gathered(ids), 3)
			faulttest.Want(t, err, fault.Integrity, dir)
			if at%16 == 0 {
				wantVerify(t, dir, name)
			}
		}
		if err := os.WriteFile(path, []byte(good), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir); err != nil {
		t.Fatal(err)
	}
}

// wantVerify requires Verify to report one fault, which names the file.
func wantVerify(t *testing.T, dir, name string) {
	t.Helper()
	var got []error
	if err := Verify(dir, func(err error) { got = append(got, err) }); err != nil {
		got = append(got, err)
	}
	if len(got) != 1 {
		if name == "store.json" && len(got) > 0 { // every shard is of another plan then
			return
		}
		t.Fatalf("%s: got %v, expected one fault", name, got)
	}
	if _, shard, ok := strings.Cut(strings.TrimSuffix(name, ".json"), "-"); ok { // a wrong digest is the file's fault as much as the description's
		name = "-" + shard
	}
	faulttest.Want(t, got[0], fault.Integrity, name)
}

func TestDamagedShards(t *testing.T) {
	other := testKey()
	other.Teacher = "other"
	foreign, _ := newStore(t, other, 12, 4)
	rename := func(from, to string) func(dir string) error {
		return func(dir string) error { return os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)) }
	}
	swap := func(a, b string) func(dir string) error {
		return func(dir string) error {
			return errors.Join(rename(a, "x")(dir), rename(b, a)(dir), rename("x", b)(dir))
		}
	}
	each := func(fs ...func(string) error) func(string) error {
		return func(dir string) error {
			for _, f := range fs {
				if err := f(dir); err != nil {
					return err
				}
			}
			return nil
		}
	}
	size := func(name string, delta int64) func(dir string) error {
		return func(dir string) error {
			p := filepath.Join(dir, name)
			st, err := os.Stat(p)
			if err != nil {
				return err
			}
			return os.Truncate(p, st.Size()+delta)
		}
	}
	copyIn := func(names ...string) func(dir string) error {
		return func(dir string) error {
			for _, n := range names {
				b, err := os.ReadFile(filepath.Join(foreign, n))
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(dir, n), b, 0o644); err != nil {
					return err
				}
			}
			return nil
		}
	}
	link := func(name string) func(dir string) error {
		return func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, name)), os.Symlink(filepath.Join(foreign, name), filepath.Join(dir, name)))
		}
	}
	for what, c := range map[string]struct {
		harm  func(dir string) error
		words []string
	}{
		"cut by a byte":   {size("targets-00001.npy", -1), []string{"targets-00001.npy", "shard 1"}},
		"a byte more":     {size("targets-00001.npy", 1), []string{"targets-00001.npy", "shard 1"}},
		"ids cut":         {size("ids-00002.npy", -16), []string{"ids-00002.npy", "shard 2"}},
		"emptied":         {size("targets-00000.json", -10), []string{"targets-00000.json"}},
		"targets swapped": {swap("targets-00000.npy", "targets-00001.npy"), []string{"targets-00000.npy", "shard 0", "digest"}},
		"ids swapped":     {swap("ids-00000.npy", "ids-00001.npy"), []string{"ids-00000.npy", "shard 0", "digest"}},
		"shards swapped": {each(swap("targets-00000.npy", "targets-00001.npy"), swap("ids-00000.npy", "ids-00001.npy"),
			swap("targets-00000.json", "targets-00001.json")), []string{"targets-00000.json", "got shard 1"}},
		"from another run":          {copyIn("targets-00002.npy", "ids-00002.npy", "targets-00002.json"), []string{"targets-00002.json", "another run"}},
		"a link":                    {link("targets-00001.npy"), []string{"targets-00001.npy", "symbolic link"}},
		"plan from another run":     {copyIn("store.json"), []string{"targets-00000.json", "another run"}},
		"missing targets":           {func(dir string) error { return os.Remove(filepath.Join(dir, "targets-00001.npy")) }, []string{"targets-00001.npy", "missing"}},
		"missing shard description": {func(dir string) error { return os.Remove(filepath.Join(dir, "targets-00001.json")) }, []string{"shard 1 of 3 is missing"}},
		"index cut":                 {size("index.bin", -1), []string{"index.bin", "bytes"}},
		"index longer":              {size("index.bin", 32), []string{"index.bin", "bytes"}},
		"index of another run":      {copyIn("index.bin"), []string{"index.bin", "header"}},
		"index a link":              {link("index.bin"), []string{"index.bin", "symbolic link"}},
		"missing plan":              {func(dir string) error { return os.Remove(filepath.Join(dir, "store.json")) }, []string{"store.json"}},
	} {
		t.Run(what, func(t *testing.T) {
			dir, ids := newStore(t, testKey(), 12, 4)
			want := contents(t, dir)
			if err := c.harm(dir); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir)
			faulttest.Want(t, err, fault.Integrity, c.words...)
			if what == "plan from another run" {
				return // that store is another's now
			}
			w, err := Repair(dir, testKey(), gathered(ids), 4)
			if what == "a link" { // refused, and not written through
				if err != nil {
					t.Fatal(err)
				}
				defer w.Close()
				faulttest.Want(t, w.WriteShard(1, logitsOf([]int{4, 5, 6, 7})), fault.IO, "symbolic link")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if n := len(w.Missing()); n > 2 || n < 1 && what != "missing plan" && !strings.HasPrefix(what, "index") {
				t.Errorf("%d shards are repaired", n)
			}
			fill(t, w)
			s, err := w.Finish()
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			if d := cmp.Diff(want, contents(t, dir)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestCutWhileInUse requires an error when a file that is read on demand is
// truncated under the reader.
func TestCutWhileInUse(t *testing.T) {
	defer func(old int64) { inMemory = old }(inMemory)
	inMemory = 0
	dir, ids := newStore(t, testKey(), 4000, 4000)
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := os.Truncate(filepath.Join(dir, "targets-00000.npy"), 100); err != nil {
		t.Fatal(err)
	}
	faulttest.Want(t, s.Lookup(ids[3999:], make([]float32, classes)), fault.Integrity, "cut short")
}

// failing fails its nth operation with ENOSPC.
type failing struct {
	durable.OS
	left *int
}

func (f failing) fail() error {
	*f.left--
	if *f.left == 0 {
		return syscall.ENOSPC
	}
	return nil
}

type failingFile struct {
	durable.File
	f failing
}

func (f failingFile) Write(b []byte) (int, error) {
	if err := f.f.fail(); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}
func (f failingFile) Sync() error { return errors.Join(f.f.fail(), f.File.Sync()) }

func (f failing) CreateTemp(dir, pattern string) (durable.File, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	file, err := f.OS.CreateTemp(dir, pattern)
	return failingFile{file, f}, err
}

func (f failing) Rename(from, to string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.OS.Rename(from, to)
}

func (f failing) SyncDir(dir string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.OS.SyncDir(dir)
}

// TestEveryOperationFailsOnce fails the nth file operation of a run for
// n = 1, 2, … until one succeeds; after each failure a second run must end
// with the bytes of an uninterrupted one.
func TestEveryOperationFailsOnce(t *testing.T) {
	straight, ids := newStore(t, testKey(), 7, 3)
	want := contents(t, straight)
	attempt := func(fsys durable.FS, dir string) error {
		w, err := create(dir, testKey(), gathered(ids), options{fs: fsys, shardRows: 3, parts: 1})
		if err != nil {
			return err
		}
		defer w.Close()
		for _, m := range w.Missing() {
			if err := w.WriteShard(m.Index, logitsOf(w.Positions(nil, m.Index))); err != nil {
				return err
			}
		}
		s, err := w.Finish()
		if err == nil {
			err = s.Close()
		}
		return err
	}
	for n := 1; ; n++ {
		dir, left := filepath.Join(t.TempDir(), "s"), n
		err := attempt(failing{left: &left}, dir)
		if err == nil {
			if n < 30 {
				t.Fatalf("only %d operations were seen", n)
			}
			return
		}
		faulttest.Want(t, err, fault.IO, "no space left")
		for name, b := range contents(t, dir) {
			if b != want[name] {
				t.Fatalf("operation %d: %s is not what it should be", n, name)
			}
		}
		if err := attempt(durable.OS{}, dir); err != nil {
			t.Fatalf("operation %d: %v", n, err)
		}
		if d := cmp.Diff(want, contents(t, dir)); d != "" {
			t.Fatalf("operation %d: %s", n, d)
		}
	}
}

// TestForgedPlanAllocatesLittle opens a store whose plan claims rows that no
// file holds.
func TestForgedPlanAllocatesLittle(t *testing.T) {
	dir, _ := newStore(t, testKey(), 4, 4)
	p, err := readPlan(dir)
	if err != nil {
		t.Fatal(err)
	}
	p.Rows, p.ShardRows = maxRows, maxRows
	side := sidecar{0, 0, maxRows, classes, p.KeySHA256, "00", "00"}
	for path, v := range map[string]any{planPath(dir): p, sidecarPath(dir, 0): side} {
		if err := os.WriteFile(path, canonical(v), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err = Open(dir)
	faulttest.Want(t, err, fault.Integrity, "targets-00000.npy", "bytes")
}
