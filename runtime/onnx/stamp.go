package onnx

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Stamp identifies the files that a model is read from: device, inode, size and
// the times of change of the model, of its external files and of the folders on
// the way to them. Whoever lets native code open the same paths takes a stamp
// before and compares after: when it is the same, what was opened is what was
// checked. Replacing a file, or moving it away and back, changes the stamp.
type Stamp struct {
	path  string
	files []string
	was   string
}

// NewStamp takes the stamp of the model at path, m being what it holds.
func NewStamp(path string, m *Model) (*Stamp, error) {
	s := &Stamp{path: path, files: []string{path}}
	w := walker{tensor: func(_ *loc, t *Tensor, _ bool) error {
		if t.External != nil {
			at := filepath.Dir(path)
			for _, part := range components(t.External.Location) {
				at = filepath.Join(at, part)
				s.files = append(s.files, at)
			}
		}
		return nil
	}}
	w.model(m) // the callback never fails
	slices.Sort(s.files)
	s.files = slices.Compact(s.files)
	var err error
	s.was, err = s.look()
	return s, err
}

// Same requires that no file has changed since the stamp was taken. It fails
// with a fault.Integrity where one has.
func (s *Stamp) Same() error {
	now, err := s.look()
	if err != nil {
		return err
	}
	if now != s.was {
		return fault.New(fault.Integrity, s.path, "", "the model or its external data changed while it was in use, expected the files that were checked")
	}
	return nil
}

// look is a line a file.
func (s *Stamp) look() (string, error) {
	var lines strings.Builder
	for _, f := range s.files {
		look := unix.Lstat
		if f == s.path { // may be a link of the user's own
			look = unix.Stat
		}
		var st unix.Stat_t
		if err := look(f, &st); err != nil {
			return "", fault.New(fault.IO, s.path, "", "%s cannot be looked at: %w", quote(f), err)
		}
		if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
			return "", fault.New(fault.Input, s.path, "external_data", "%s became %v", quote(f), errIrregular)
		}
		fmt.Fprintf(&lines, "%q %d %d %o %d %v %v\n", f, st.Dev, st.Ino, st.Mode, st.Size, st.Mtim, st.Ctim)
	}
	return lines.String(), nil
}
