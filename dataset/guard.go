package dataset

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"unicode/utf8"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Limits of what a file may make the readers do.
const (
	maxUnpacked   = 8 << 30   // bytes of compressed data held unpacked in memory
	freeExpansion = 256 << 20 // bytes that any compressed file may unpack to
	maxExpansion  = 100       // times its size that a larger one may unpack to
	maxClasses    = 1 << 20   // classes
	maxFeatures   = 1 << 20   // features of an array
	maxSide       = 1 << 14   // height or width to resize to
)

// showPath is path in a form that fits in a message whatever bytes it holds.
func showPath(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	return strconv.Quote(path)
}

// inputFault reports a file that is not what it should be.
func inputFault(path, field, format string, args ...any) *fault.Error {
	return fault.New(fault.Input, showPath(path), field, format, args...)
}

// ioFault reports what the system answered about path.
func ioFault(path string, err error) *fault.Error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fault.New(fault.IO, showPath(path), "", "cannot read: %w", err)
}

// at names path in a fault that a reader without a path made.
func at(path string, err error) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Path == "" {
		named := *f
		named.Path = showPath(path)
		return &named
	}
	return err
}

// openRegular opens a regular file, so that a pipe or device cannot hang the
// reader, and gives its size.
func openRegular(path string) (*os.File, int64, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, 0, ioFault(path, err)
	}
	if st.IsDir() {
		return nil, 0, inputFault(path, "", "is a folder, expected a file")
	}
	if !st.Mode().IsRegular() {
		return nil, 0, inputFault(path, "", "is a device or pipe, expected a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, ioFault(path, err)
	}
	if st, err = f.Stat(); err != nil {
		f.Close()
		return nil, 0, ioFault(path, err)
	}
	return f, st.Size(), nil
}

// isFile tells whether path is a regular file.
func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// checkExpansion refuses to unpack size bytes from packed bytes when that is
// more than memory should be spent on, or than honest data compresses to.
func checkExpansion(path, field string, packed, size int64) error {
	if size > maxUnpacked {
		return inputFault(path, field, "unpacks to %d bytes, limit %d", size, int64(maxUnpacked))
	}
	if size > freeExpansion && size/maxExpansion > packed {
		return inputFault(path, field, "%d bytes unpack to %d, limit %d times beyond %d bytes", packed, size, maxExpansion, freeExpansion)
	}
	return nil
}

// readExactly reads size bytes that must be all there is. Memory grows with
// what arrives and not with what is promised.
func readExactly(r io.Reader, size int64) (data []byte, extra bool, err error) {
	var buf bytes.Buffer
	buf.Grow(int(min(size, 1<<20)))
	if _, err := io.CopyN(&buf, r, size); err != nil {
		return buf.Bytes(), false, err
	}
	var one [1]byte
	switch _, err := io.ReadFull(r, one[:]); err {
	case nil:
		return buf.Bytes(), true, nil
	case io.EOF:
		return buf.Bytes(), false, nil
	default:
		return buf.Bytes(), false, err
	}
}

// checkRows refuses positions outside 0..n-1.
func checkRows(rows []int, n int) error {
	for _, r := range rows {
		if r < 0 || r >= n {
			return fault.New(fault.Input, "", "row "+strconv.Itoa(r), "out of range: the source has %d rows", n)
		}
	}
	return nil
}

// product multiplies dimensions, or reports false when one is negative or the
// result leaves the range of int.
func product(dims []int) (int, bool) {
	n := 1
	for _, d := range dims {
		if d < 0 {
			return 0, false
		}
		if d != 0 && n > int(^uint(0)>>1)/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// validSize tells whether every side can be resized to.
func validSize(sides []int) bool {
	for _, s := range sides {
		if s < 1 || s > maxSide {
			return false
		}
	}
	return true
}

// classNames names the labels 0..max of rows by the options, or by their
// numbers. Labels are at least -1. No row has a label: no names.
func classNames(path string, o Options, labels []int32) ([]string, error) {
	top, row := Unlabelled, 0
	for i, y := range labels {
		if y > top {
			top, row = y, i
		}
	}
	if top == Unlabelled {
		return nil, nil
	}
	field := "row " + strconv.Itoa(row)
	if len(o.Classes) > 0 {
		if int(top) >= len(o.Classes) {
			return nil, inputFault(path, field, "label %d, expected less than %d classes", top, len(o.Classes))
		}
		return append([]string(nil), o.Classes...), nil
	}
	if top >= maxClasses {
		return nil, inputFault(path, field, "label %d, limit %d classes", top, maxClasses)
	}
	names := make([]string, top+1)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names, nil
}
