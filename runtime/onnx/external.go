package onnx

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// maxLocation bounds the bytes of a path to external data.
const maxLocation = 4096

// badLocation says what is wrong with a path to external data, or nothing. The
// rules are the same on every system: a path that one of them reads as
// absolute, as a device or as leading out of the folder is refused on all.
func badLocation(location string) string {
	switch {
	case location == "":
		return "is empty"
	case len(location) > maxLocation:
		return "is too long"
	case !utf8.ValidString(location) || strings.ContainsFunc(location, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return "has control characters or is no UTF-8"
	case location[0] == '/' || location[0] == '\\':
		return "is absolute"
	case strings.ContainsAny(location, `\:*?"<>|`):
		return `has a character of \:*?"<>|`
	}
	for _, part := range components(location) {
		switch {
		case part == "":
			return "has an empty part"
		case part == "..":
			return "leads out of the model's folder"
		case strings.HasSuffix(part, ".") || strings.HasSuffix(part, " "):
			return "has a part that ends in a dot or a space"
		case deviceName(part):
			return "names a device of Windows"
		}
	}
	return ""
}

// components splits a location, leaving out "." at its beginning.
func components(location string) []string {
	return strings.Split(strings.TrimPrefix(location, "./"), "/")
}

// deviceName reports whether Windows takes part for a device, whatever its
// extension.
func deviceName(part string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(part), ".")
	base = strings.TrimRight(base, " ")
	if slices.Contains([]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}, base) {
		return true
	}
	port, ok := strings.CutPrefix(base, "COM")
	if !ok {
		port, ok = strings.CutPrefix(base, "LPT")
	}
	return ok && slices.Contains([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"}, port)
}

// folder opens the external data of one model: regular files at or below the
// model's folder, through no symbolic link. The last file stays open, since
// tensors mostly share one.
type folder struct {
	root     *os.Root
	lim      Limits
	location string
	file     *os.File
	size     int64
	sum      string // SHA-1 of file, once asked for
	total    int64  // bytes loaded so far

	looked func(name string) // called after a part of a path was looked at, before it is opened; tests swap it there
}

func openFolder(model string, lim Limits) (*folder, error) {
	root, err := os.OpenRoot(filepath.Dir(model))
	if err != nil {
		return nil, fault.New(fault.IO, "", "", "cannot open its folder: %w", cause(err))
	}
	return &folder{root: root, lim: lim, looked: func(string) {}}, nil
}

func (f *folder) close() {
	if f.file != nil {
		f.file.Close()
	}
	f.root.Close()
}

// use makes location the open file.
func (f *folder) use(at *loc, location string) error {
	if f.file != nil && f.location == location {
		return nil
	}
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
	file, err := f.descend(f.root, components(location))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return at.bad("external file %s does not exist", quote(location))
	case errors.Is(err, errIrregular):
		return at.bad("external file %s: %v", quote(location), err)
	case err != nil:
		return fault.New(fault.IO, "", at.String(), "external file %s cannot be opened: %w", quote(location), cause(err))
	}
	st, err := file.Stat()
	if err != nil {
		file.Close()
		return fault.New(fault.IO, "", at.String(), "external file %s: %w", quote(location), cause(err))
	}
	f.file, f.location, f.size, f.sum = file, location, st.Size(), ""
	return nil
}

var errIrregular = errors.New("a symbolic link, device or folder, expected a regular file reached through folders only")

// descend opens the file at parts below root. Each part is looked at, opened,
// and looked at again: what was opened must be what was seen, so that a link
// put there in between is noticed. os.Root keeps even that inside the folder.
func (f *folder) descend(root *os.Root, parts []string) (*os.File, error) {
	name := parts[0]
	seen, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	f.looked(name)
	if len(parts) > 1 {
		if !seen.IsDir() {
			return nil, errIrregular
		}
		below, err := root.OpenRoot(name)
		if err != nil {
			return nil, err
		}
		defer below.Close()
		if opened, err := below.Stat("."); err != nil || !os.SameFile(seen, opened) {
			return nil, errIrregular
		}
		return f.descend(below, parts[1:])
	}
	if !seen.Mode().IsRegular() {
		return nil, errIrregular
	}
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if opened, err := file.Stat(); err != nil || !opened.Mode().IsRegular() || !os.SameFile(seen, opened) {
		file.Close()
		return nil, errIrregular
	}
	return file, nil
}

// region opens the file of t's bytes and checks that it has them.
func (f *folder) region(at *loc, e *External) (*io.SectionReader, error) {
	if err := f.use(at, e.Location); err != nil {
		return nil, err
	}
	if e.Offset > f.size || e.Length > f.size-e.Offset {
		return nil, at.bad("external file %s has %d bytes, expected offset %d + length %d", quote(e.Location), f.size, e.Offset, e.Length)
	}
	return io.NewSectionReader(f.file, e.Offset, e.Length), nil
}

// spend counts bytes to be read against the limit.
func (f *folder) spend(at *loc, n int64) error {
	if n > f.lim.External-f.total {
		return at.bad("external data takes more than the limit of %d bytes", f.lim.External)
	}
	f.total += n
	return nil
}

// load reads t's external bytes into memory.
func (f *folder) load(at *loc, t *Tensor) error {
	e := t.External
	r, err := f.region(at, e)
	if err != nil {
		return err
	}
	if err := f.spend(at, e.Length); err != nil {
		return err
	}
	if e.Checksum != "" {
		if err := f.verify(at, e); err != nil {
			return err
		}
	}
	data := make([]byte, e.Length)
	if _, err := io.ReadFull(r, data); err != nil {
		return unreadable(at, e, err)
	}
	t.Data = data
	return nil
}

// verify compares the SHA-1 of the whole external file with the one that the
// model gives.
func (f *folder) verify(at *loc, e *External) error {
	if f.sum == "" {
		if err := f.spend(at, f.size); err != nil {
			return err
		}
		h := sha1.New()
		if _, err := io.Copy(h, io.NewSectionReader(f.file, 0, f.size)); err != nil {
			return unreadable(at, e, err)
		}
		f.sum = hex.EncodeToString(h.Sum(nil))
	}
	if !strings.EqualFold(f.sum, e.Checksum) {
		return fault.New(fault.Integrity, "", at.String(), "external file %s has SHA-1 %s, the model says %s", quote(e.Location), f.sum, quote(e.Checksum))
	}
	return nil
}

func unreadable(at *loc, e *External, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fault.New(fault.IO, "", at.String(), "external file %s became shorter while it was read", quote(e.Location))
	}
	return fault.New(fault.IO, "", at.String(), "external file %s cannot be read: %w", quote(e.Location), cause(err))
}

// cause strips the operation and path from a system error: the fault names
// the path itself.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
