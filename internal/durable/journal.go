package durable

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Journal is a file that grows by whole records while others read it. A
// process that is killed leaves at most a part of the last record, which Set
// cuts. One process at a time writes it.
type Journal struct {
	f    *os.File
	path string
	size int64 // bytes of whole records
}

// OpenJournal opens the file at path, or creates it, without a change to what
// it holds: Set comes before Append.
func OpenJournal(path string) (*Journal, error) {
	if err := refuseSpecial(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot open: %w", cause(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return nil, &fault.Error{Kind: fault.IO, Path: path, Msg: "another run writes it: wait for it or choose another output", Err: ErrInUse}
	} else if err != nil {
		f.Close()
		return nil, fault.New(fault.IO, path, "", "cannot lock: %w", err)
	}
	return &Journal{f: f, path: path}, nil
}

// Set makes content all that the file holds. What it holds of content stays as
// it is, so that who follows the file sees it grow.
func (j *Journal) Set(content []byte) error {
	same, err := j.common(content)
	if err != nil {
		return fault.New(fault.IO, j.path, "", "cannot read: %w", cause(err))
	}
	if err := j.f.Truncate(same); err != nil {
		return fault.New(fault.IO, j.path, "", "cannot cut: %w", cause(err))
	}
	j.size = same
	return j.Append(content[same:])
}

// common is the length of what the file and content begin with alike.
func (j *Journal) common(content []byte) (int64, error) {
	var same int64
	buf := make([]byte, 1<<16)
	for {
		n, err := j.f.ReadAt(buf, same)
		part := content[same:]
		part = part[:min(n, len(part))]
		if !bytes.Equal(buf[:len(part)], part) {
			for i := range part {
				if buf[i] != part[i] {
					return same + int64(i), nil
				}
			}
		}
		same += int64(len(part))
		if err == io.EOF || len(part) < n || same == int64(len(content)) {
			return same, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// Append adds one record, or several, at the end in one write. When it fails
// nothing of them stays.
func (j *Journal) Append(record []byte) error {
	if len(record) == 0 {
		return nil
	}
	if _, err := j.f.WriteAt(record, j.size); err != nil {
		j.f.Truncate(j.size)
		return fault.New(fault.IO, j.path, "", "cannot write: %w", cause(err))
	}
	j.size += int64(len(record))
	return nil
}

// Close makes durable what was written.
func (j *Journal) Close() error {
	if err := errors.Join(j.f.Sync(), j.f.Close()); err != nil {
		return fault.New(fault.IO, j.path, "", "cannot sync: %w", cause(err))
	}
	return nil
}
