package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Lock is an advisory lock that ends with the process that holds it, however
// that ends.
type Lock struct{ f *os.File }

// TryLock takes the lock file at path, or fails naming the process that has
// it. The file stays behind when released: only the kernel's lock counts.
func TryLock(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot lock: %w", cause(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			owner, _ := io.ReadAll(io.LimitReader(f, 32))
			return nil, fault.New(fault.IO, path, "", "in use by process %s: wait for it or choose another output", strings.TrimSpace(string(owner)))
		}
		return nil, fault.New(fault.IO, path, "", "cannot lock: %w", err)
	}
	if err := f.Truncate(0); err == nil {
		fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return &Lock{f}, nil
}

// Unlock releases the lock.
func (l *Lock) Unlock() error { return l.f.Close() }
