package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Lock is an advisory lock that ends with the process that holds it, however
// that ends.
type Lock struct{ f *os.File }

// lockPatience is how long a lock is waited for: a killed process holds on to
// its locks until the kernel has freed its memory.
const lockPatience = time.Second

// ErrInUse is what the error of a lock that another process has matches.
var ErrInUse = errors.New("in use")

// TryLock takes the lock file at path, or fails after a second naming the
// process that has it. The file stays behind when released: only the kernel's
// lock counts.
func TryLock(path string) (*Lock, error) {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		l, owner, err := tryLock(path)
		switch {
		case err != nil:
			return nil, fault.New(fault.IO, path, "", "cannot lock: %w", cause(err))
		case l != nil:
			return l, nil
		case time.Since(began) > lockPatience:
			return nil, &fault.Error{Kind: fault.IO, Path: path, Msg: fmt.Sprintf("in use by process %s: wait for it or choose another output", owner), Err: ErrInUse}
		}
	}
}

// tryLock tries once. Without lock and error it says who has it.
func tryLock(path string) (l *Lock, owner string, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, "", err
	}
	if l, owner, err = claim(f, path); l == nil {
		f.Close()
	}
	return l, owner, err
}

// claim locks f, which was opened at path, or says who has it.
func claim(f *os.File, path string) (l *Lock, owner string, err error) {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		pid, _ := io.ReadAll(io.LimitReader(f, 32))
		return nil, strings.TrimSpace(string(pid)), nil
	} else if err != nil {
		return nil, "", err
	}
	// Whoever had the lock may have removed the file meanwhile: a lock on a
	// file that is no longer there keeps nobody out.
	mine, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	if there, err := os.Lstat(path); err != nil || !os.SameFile(mine, there) {
		return nil, "that has just ended", nil
	}
	if err := f.Truncate(0); err == nil {
		fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return &Lock{f}, "", nil
}

// Unlock releases the lock.
func (l *Lock) Unlock() error { return l.f.Close() }
