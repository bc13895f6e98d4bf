package ort

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path"
	"regexp"
	"runtime"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Bounds on an archive, so that a hostile one costs little.
const (
	maxLibrary  = 1 << 30 // bytes of the library
	maxUnpacked = 4 << 30 // bytes of all entries
	maxEntries  = 100_000
)

// libraryFile is the base name of a libonnxruntime in an archive.
var libraryFile = regexp.MustCompile(`^libonnxruntime\.so(\.\d+)*$`)

// unpack puts the library that the file at from is or holds (gzipped tar) at
// to, which lies in a folder of our own, and checks it. From an archive it
// takes exactly one regular file: the entry of that name, or the first library
// for this machine when entry is empty. No name in the archive becomes a path,
// links and devices are never followed nor made.
func unpack(from, to, entry string) (Library, error) {
	st, err := os.Stat(from)
	if err != nil {
		return Library{}, fault.New(fault.IO, from, "", "cannot be read: %s", reason(err))
	}
	if !st.Mode().IsRegular() {
		return Library{}, fault.New(fault.Integrity, from, "", "found no regular file, wanted a library or a .tgz that holds one")
	}
	f, err := os.Open(from)
	if err != nil {
		return Library{}, fault.New(fault.IO, from, "", "cannot be read: %s", reason(err))
	}
	defer f.Close()
	in := bufio.NewReader(f)
	magic, _ := in.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		err = extract(in, from, to, entry)
	case string(magic) == elf.ELFMAG:
		if _, err := checkELF(f, from); err != nil { // names the file that was given
			return Library{}, err
		}
		err = writeStaged(to, in)
	default:
		return Library{}, fault.New(fault.Integrity, from, "", "found %q, wanted an ELF library or a gzipped archive", magic)
	}
	if err != nil {
		return Library{}, err
	}
	lib, err := inspect(to)
	return lib, renamed(err, to, from)
}

// extract copies the one wanted entry of the gzipped tar in to the file to.
func extract(in io.Reader, archive, to, entry string) error {
	damaged := func(err error) error {
		return fault.New(fault.Integrity, archive, "", "damaged archive: %w", err)
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return damaged(err)
	}
	limited := &io.LimitedReader{R: z, N: maxUnpacked}
	tr := tar.NewReader(limited)
	for range maxEntries {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			return fault.New(fault.Integrity, archive, "", "holds no ONNX Runtime library for linux/%s", runtime.GOARCH)
		}
		if err != nil {
			return damaged(err)
		}
		if h.Typeflag != tar.TypeReg || entry != "" && h.Name != entry || entry == "" && !libraryFile.MatchString(path.Base(h.Name)) {
			continue
		}
		if h.Size > maxLibrary {
			return fault.New(fault.Integrity, archive, h.Name, "%d bytes, larger than %d", h.Size, maxLibrary)
		}
		content := bufio.NewReader(tr)
		if entry == "" && !forThisMachine(content) {
			continue
		}
		if err := writeStaged(to, content); err != nil {
			if fault.KindOf(err) == fault.Integrity {
				return damaged(err)
			}
			return err
		}
		return drain(limited, archive)
	}
	return fault.New(fault.Integrity, archive, "", "more than %d entries", maxEntries)
}

// drain reads the rest, so that the checksum at the end of gzip is checked.
func drain(r *io.LimitedReader, archive string) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fault.New(fault.Integrity, archive, "", "damaged archive: %w", err)
	}
	if r.N <= 0 {
		return fault.New(fault.Integrity, archive, "", "unpacks to more than %d bytes", int64(maxUnpacked))
	}
	return nil
}

// forThisMachine looks at an ELF header without consuming it: e_machine is the
// little-endian 16-bit number at offset 18.
func forThisMachine(r *bufio.Reader) bool {
	h, err := r.Peek(20)
	return err == nil && string(h[:4]) == elf.ELFMAG &&
		elf.Machine(binary.LittleEndian.Uint16(h[18:])) == machines[runtime.GOARCH]
}

// writeStaged writes r to a file in the staging folder. What cannot be read is
// an Integrity fault, what cannot be written IO.
func writeStaged(to string, r io.Reader) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fault.New(fault.IO, to, "", "cannot be created: %s", reason(err))
	}
	w := &trackedWriter{w: f}
	_, err = io.Copy(w, r)
	if cerr := f.Close(); w.err == nil {
		w.err = cerr
	}
	if w.err != nil {
		return fault.New(fault.IO, to, "", "cannot be written: %s", reason(w.err))
	}
	if err != nil {
		return fault.New(fault.Integrity, "", "", "%w", err)
	}
	return nil
}

// trackedWriter remembers its error, to tell it from the reader's.
type trackedWriter struct {
	w   io.Writer
	err error
}

func (t *trackedWriter) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.err = err
	return n, err
}
