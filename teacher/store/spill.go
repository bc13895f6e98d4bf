package store

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// spillAfter is how many bytes a spill keeps in memory. A million row ids fit,
// so that small stores never touch the disk for them.
var spillAfter = 16 << 20

// spill is bytes that are appended and then read at any offset: in memory as
// long as they are few, then in a temporary file that has no name, so that
// nothing is left of it whenever the process ends.
type spill struct {
	dir  string // where the file is made; empty, or not writable: the system's
	buf  []byte // all bytes, or those that are not in file yet
	file *os.File
	size int64
}

func (s *spill) Write(b []byte) (int, error) {
	s.size += int64(len(b))
	s.buf = append(s.buf, b...)
	if s.file == nil && len(s.buf) <= spillAfter {
		return len(b), nil
	}
	if s.file == nil {
		if err := s.open(); err != nil {
			return 0, err
		}
	}
	if len(s.buf) >= 1<<20 || len(s.buf) > spillAfter {
		return len(b), s.flush()
	}
	return len(b), nil
}

func (s *spill) open() (err error) {
	pattern := durable.TempName("index.bin") // for Clean, if the process is killed before the next lines
	if s.dir != "" {
		s.file, err = os.CreateTemp(s.dir, pattern)
	}
	if s.file == nil {
		s.file, err = os.CreateTemp("", pattern)
	}
	if err != nil {
		return fault.New(fault.IO, os.TempDir(), "", "cannot create a temporary file: %w", reason(err))
	}
	if err := os.Remove(s.file.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.failed(err)
	}
	return nil
}

// flush writes what is in memory to the file.
func (s *spill) flush() error {
	if s.file == nil {
		return nil
	}
	if _, err := s.file.Write(s.buf); err != nil {
		return s.failed(err)
	}
	if cap(s.buf) > 2<<20 {
		s.buf = nil
	}
	s.buf = s.buf[:0]
	return nil
}

func (s *spill) failed(err error) error {
	return fault.New(fault.IO, s.file.Name(), "", "the temporary file failed: %w", reason(err))
}

// ReadAt reads bytes that were written before the last flush.
func (s *spill) ReadAt(b []byte, off int64) (int, error) {
	if s.file != nil {
		n, err := s.file.ReadAt(b, off)
		if err != nil && err != io.EOF {
			err = s.failed(err)
		}
		return n, err
	}
	if off >= int64(len(s.buf)) {
		return 0, io.EOF
	}
	n := copy(b, s.buf[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (s *spill) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
