//go:build cgo && linux

package ort

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// region is memory shared by two processes: an anonymous file that one side
// grows and both map. It is sealed against shrinking, so that no access can
// fall behind its end.
type region struct {
	file *os.File
	data []byte
}

// newRegion makes an empty region.
func newRegion(name string) (*region, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	r := &region{file: os.NewFile(uintptr(fd), name)}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK); err != nil {
		r.close()
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	return r, nil
}

// ensure makes the region at least n bytes long. Growing moves it: slices of
// its data are invalid afterwards.
func (r *region) ensure(n int64) error {
	if n <= int64(len(r.data)) {
		return nil
	}
	size := max(n+n/2, 1<<20)
	size = (size + 0xffff) &^ 0xffff
	if err := r.file.Truncate(size); err != nil {
		return fmt.Errorf("shared memory of %d bytes: %w", size, reasonOf(err))
	}
	return r.remap(size)
}

// attach maps at least the first n bytes, which the other side has made.
func (r *region) attach(n int64) error {
	if n <= int64(len(r.data)) {
		return nil
	}
	st, err := r.file.Stat()
	if err != nil {
		return fmt.Errorf("shared memory: %w", reasonOf(err))
	}
	if n > st.Size() {
		return fmt.Errorf("shared memory is %d bytes, wanted %d", st.Size(), n)
	}
	return r.remap(n)
}

func (r *region) remap(n int64) error {
	if r.data != nil {
		if err := unix.Munmap(r.data); err != nil {
			return fmt.Errorf("shared memory: %w", err)
		}
		r.data = nil
	}
	data, err := unix.Mmap(int(r.file.Fd()), 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("shared memory of %d bytes: %w", n, err)
	}
	r.data = data
	return nil
}

func (r *region) close() {
	if r.data != nil {
		unix.Munmap(r.data)
		r.data = nil
	}
	r.file.Close()
}

func reasonOf(err error) error { return fmt.Errorf("%s", reason(err)) }
