package onnx

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Stamp identifies the files that the model at path is read from, m being what
// they hold: device, inode, size and the times of change of the model, of its
// external files and of the folders on the way to them. Whoever lets native
// code open the same paths takes a stamp before and after: when both are alike,
// it opened what was checked. Replacing a file, or moving it away and back,
// changes its stamp.
func Stamp(path string, m *Model) (string, error) {
	files := map[string]bool{path: true}
	w := walker{tensor: func(_ *loc, t *Tensor, _ bool) error {
		if t.External != nil {
			at := filepath.Dir(path)
			for _, part := range components(t.External.Location) {
				at = filepath.Join(at, part)
				files[at] = true
			}
		}
		return nil
	}}
	w.model(m) // the callback never fails
	var lines []string
	for f := range files {
		look := unix.Lstat
		if f == path { // may be a link of the user's own
			look = unix.Stat
		}
		var st unix.Stat_t
		if err := look(f, &st); err != nil {
			return "", fault.New(fault.IO, path, "", "%s cannot be looked at: %w", quote(f), err)
		}
		if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
			return "", fault.New(fault.Input, path, "external_data", "%s became %v", quote(f), errIrregular)
		}
		lines = append(lines, fmt.Sprintf("%q %d %d %o %d %v %v", f, st.Dev, st.Ino, st.Mode, st.Size, st.Mtim, st.Ctim))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), nil
}
