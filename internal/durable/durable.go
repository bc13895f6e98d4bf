// Package durable writes files that are either complete under their final
// name or not there: write to a temporary name in the same folder, sync,
// rename, sync the folder. It also holds the lock that keeps two processes
// from one output, and clears the temporaries that killed processes left.
package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// tempMark is in the name of every temporary, so that Clean removes its own
// and nothing else.
const tempMark = ".kdonnx-tmp-"

// TempName is the pattern, for os.CreateTemp, of a temporary that stands for the
// file name and that Clean removes.
func TempName(name string) string { return name + tempMark + "*" }

// File is an open file that can be synced.
type File interface {
	io.Writer
	Name() string
	Sync() error
	Close() error
}

// FS is what durable needs of a file system. Tests fail its operations one by
// one; everything else uses OS.
type FS interface {
	CreateTemp(dir, pattern string) (File, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

// OS is the operating system's file system.
type OS struct{}

// CreateTemp creates a new file in dir with permissions 0644 less the umask's.
func (OS) CreateTemp(dir, pattern string) (File, error) { return os.CreateTemp(dir, pattern) }

// Rename replaces to by from.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove deletes one file.
func (OS) Remove(path string) error { return os.Remove(path) }

// SyncDir makes the renames in dir durable. A file system that cannot sync a
// folder (EINVAL, ENOTSUP) gives the weaker promise that it can.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

// Write puts data at path, durably and in one step.
func Write(path string, data []byte) error {
	return WriteFile(OS{}, path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteFile puts what write produces at path, durably and in one step. When
// anything fails the temporary is removed and what was at path is untouched.
// A symbolic link at path is refused.
func WriteFile(fsys FS, path string, write func(io.Writer) error) (err error) {
	if err := refuseSpecial(path); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := fsys.CreateTemp(dir, TempName(filepath.Base(path)))
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot create: %w", cause(err))
	}
	tmp := f.Name()
	open := true
	defer func() {
		if err != nil {
			if open {
				f.Close()
			}
			fsys.Remove(tmp)
		}
	}()
	if err := write(f); err != nil {
		var known *fault.Error
		if errors.As(err, &known) {
			return err
		}
		return fault.New(fault.IO, path, "", "cannot write: %w", cause(err))
	}
	if o, ok := f.(*os.File); ok {
		if err := o.Chmod(0o644); err != nil {
			return fault.New(fault.IO, path, "", "cannot set permissions: %w", cause(err))
		}
	}
	if err := f.Sync(); err != nil {
		return fault.New(fault.IO, path, "", "cannot sync: %w", cause(err))
	}
	open = false
	if err := f.Close(); err != nil {
		return fault.New(fault.IO, path, "", "cannot close: %w", cause(err))
	}
	if err := fsys.Rename(tmp, path); err != nil {
		return fault.New(fault.IO, path, "", "cannot rename into place: %w", cause(err))
	}
	if err := fsys.SyncDir(dir); err != nil {
		return fault.New(fault.IO, dir, "", "cannot sync folder: %w", cause(err))
	}
	return nil
}

// Writable reports, before any work is spent, whether WriteFile could put a
// file at path: the folder exists and takes a new file, and path is no folder,
// link or device.
func Writable(path string) error {
	if err := refuseSpecial(path); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), TempName(filepath.Base(path)))
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot be written: %w", cause(err))
	}
	f.Close()
	return os.Remove(f.Name())
}

// refuseSpecial refuses anything at path that is not a regular file.
func refuseSpecial(path string) error {
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fault.New(fault.IO, path, "", "cannot be written: %w", cause(err))
	case st.IsDir():
		return fault.New(fault.IO, path, "", "cannot be written: it is a folder, expected a file name")
	case st.Mode()&fs.ModeSymlink != 0:
		return fault.New(fault.IO, path, "", "cannot be written: it is a symbolic link, expected a regular file")
	case !st.Mode().IsRegular():
		return fault.New(fault.IO, path, "", "cannot be written: it is a device or pipe, expected a regular file")
	}
	return nil
}

// Open opens the file at path for reading. A pipe or device, which could keep a
// reader waiting for ever, is a fault of kind IO, and so is a folder.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", cause(err))
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		f.Close()
		return nil, fault.New(fault.IO, path, "", "cannot read: it is a folder, device or pipe, expected a regular file")
	}
	return f, nil
}

// Clean removes the temporaries that killed processes left in dir of the files
// whose names mine accepts; nil accepts all. Call it with those files' lock
// held.
func Clean(dir string, mine func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fault.New(fault.IO, dir, "", "cannot list: %w", cause(err))
	}
	for _, e := range entries {
		name, _, temporary := strings.Cut(e.Name(), tempMark)
		if !temporary || !e.Type().IsRegular() || mine != nil && !mine(name) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.IO, path, "", "cannot remove: %w", cause(err))
		}
	}
	return nil
}

// cause strips the operation and path from a system error: the fault names
// the path itself, and a temporary's name would only confuse.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}
