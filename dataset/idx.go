package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func init() {
	Register(Format{
		Name:   "idx",
		About:  "a folder with train-images-idx3-ubyte[.gz] and its labels, or one such images file",
		Detect: detectIDX,
		Open:   openIDX,
		Splits: splitsIDX,
	})
}

// The two magic numbers: unsigned bytes of rank 1 and 3.
const (
	idxLabels = 0x00000801
	idxImages = 0x00000803
)

func detectIDX(path string) bool {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return len(imagesFiles(path)) > 0
	}
	f, _, err := openRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	r, _, err := unpacked(f)
	if err != nil {
		return false
	}
	var magic [4]byte
	_, err = io.ReadFull(r, magic[:])
	return err == nil && bytes.Equal(magic[:2], []byte{0, 0}) && magic[2] == 8 && (magic[3] == 1 || magic[3] == 3)
}

// imagesFiles finds the images files of a folder: by split, the file name.
// A plain file is taken before a compressed one of the same name.
func imagesFiles(dir string) map[string][]string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	found := map[string][]string{}
	for _, e := range entries {
		stem := strings.TrimSuffix(e.Name(), ".gz")
		i := strings.LastIndex(stem, "images")
		if i < 0 || !strings.HasSuffix(stem, "idx3-ubyte") || !isFile(filepath.Join(dir, e.Name())) {
			continue
		}
		for _, s := range [][2]string{{"train", "train"}, {"t10k", "test"}, {"test", "test"}, {"val", "val"}} {
			if !strings.Contains(stem[:i], s[0]) {
				continue
			}
			if names := found[s[1]]; !slices.Contains(names, stem) { // names are sorted: stem before stem.gz
				found[s[1]] = append(names, e.Name())
			}
			break
		}
	}
	return found
}

func splitsIDX(path string) []string {
	if st, err := os.Stat(path); err != nil || !st.IsDir() {
		return nil
	}
	var splits []string
	for s := range imagesFiles(path) {
		splits = append(splits, s)
	}
	slices.Sort(splits)
	return splits
}

func openIDX(path string, o Options) (Source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, ioFault(path, err)
	}
	if st.IsDir() {
		files := imagesFiles(path)[pickSplit(o.Split, splitsIDX(path))]
		switch {
		case len(files) == 0:
			return nil, inputFault(path, "", "no images file found, expected train-images-idx3-ubyte or t10k-images-idx3-ubyte, with or without .gz")
		case len(files) > 1:
			return nil, inputFault(path, "", "%d images files for one split: %s; name one of them", len(files), listOr(files, ""))
		}
		path = filepath.Join(path, files[0])
	}
	a, err := openIDXImages(path)
	if err != nil {
		return nil, err
	}
	if err := a.addIDXLabels(o); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// openIDXImages checks an images file: magic, sizes, and that the pixels that
// the header promises are there and nothing after them.
func openIDXImages(path string) (*array, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	a := &array{path: path, elem: bytesElement}
	dims, data, err := idxBody(f, size, path, idxImages)
	if err == nil && (dims[1] == 0 || dims[2] == 0) {
		err = inputFault(path, "offset 8", "images of %d×%d pixels", dims[1], dims[2])
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	a.n, a.spec = dims[0], Spec{Shape: []int{dims[1], dims[2], 1}, Image: true, DType: Uint8}
	a.data, a.offset, a.closer = f, 16, f
	if data != nil {
		f.Close()
		a.data, a.offset, a.closer = bytes.NewReader(data), 0, nil
	}
	return a, nil
}

// addIDXLabels reads the labels that lie beside the images, and names them.
func (a *array) addIDXLabels(o Options) error {
	if o.Label == "none" {
		return nil
	}
	dir, name := filepath.Split(a.path)
	stem := strings.TrimSuffix(name, ".gz")
	if i := strings.LastIndex(stem, "images"); i >= 0 {
		stem = stem[:i] + "labels" + stem[i+len("images"):]
	}
	stem = strings.Replace(stem, "idx3", "idx1", 1)
	path := dir + stem
	if !isFile(path) {
		path += ".gz"
	}
	if stem == strings.TrimSuffix(name, ".gz") || !isFile(path) {
		a.spec.Notes = append(a.spec.Notes, "no labels file "+stem+" beside "+name+": rows are unlabelled")
		return nil
	}
	f, size, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	dims, data, err := idxBody(f, size, path, idxLabels)
	if err != nil {
		return err
	}
	if dims[0] != a.n {
		return inputFault(path, "", "%d labels, but %s has %d images", dims[0], name, a.n)
	}
	if data == nil {
		if data, _, err = readExactly(io.NewSectionReader(f, 8, size-8), size-8); err != nil {
			return ioFault(path, err)
		}
	}
	a.labels = make([]int32, a.n)
	for i, y := range data {
		a.labels[i] = int32(y)
	}
	a.spec.Classes, err = classNames(path, o, a.labels)
	return err
}

// idxBody reads the header of an IDX file and checks that its length is right.
// The values of a compressed file are returned; those of a plain one stay
// where they are.
func idxBody(f *os.File, size int64, path string, magic uint32) (dims []int, data []byte, err error) {
	r, packed, err := unpacked(f)
	if err != nil {
		return nil, nil, inputFault(path, "", "cannot unpack: %w", err)
	}
	rank := int(magic & 0xff)
	head := make([]byte, 4+4*rank)
	if n, err := io.ReadFull(r, head); err != nil && n < 4 {
		return nil, nil, idxShort(path, err, "%d bytes, expected an IDX header of %d", n, len(head))
	} else if got := binary.BigEndian.Uint32(head); got != magic {
		if got == idxLabels && magic == idxImages {
			return nil, nil, inputFault(path, "offset 0", "holds labels, expected images: name the images file beside it")
		}
		return nil, nil, inputFault(path, "offset 0", "magic number 0x%08x, expected 0x%08x", got, magic)
	} else if err != nil {
		return nil, nil, idxShort(path, err, "%d bytes, expected an IDX header of %d", n, len(head))
	}
	dims = make([]int, rank)
	for i := range dims {
		dims[i] = int(binary.BigEndian.Uint32(head[4+4*i:]))
	}
	count, ok := product(dims)
	if !ok {
		return nil, nil, inputFault(path, "offset 4", "sizes %v overflow", dims)
	}
	if dims[0] == 0 {
		return nil, nil, inputFault(path, "offset 4", "has no rows")
	}
	if !packed {
		if want := int64(len(head)) + int64(count); size != want {
			return nil, nil, inputFault(path, "", "file of %d bytes, but its header says %v, which takes %d", size, dims, want)
		}
		return dims, nil, nil
	}
	if err := checkExpansion(path, "", size, int64(count)); err != nil {
		return nil, nil, err
	}
	data, extra, err := readExactly(r, int64(count))
	if extra {
		return nil, nil, inputFault(path, "", "more than the %d values that its header %v says", count, dims)
	}
	if err != nil {
		return nil, nil, idxShort(path, err, "%d values, but its header says %v, which is %d", len(data), dims, count)
	}
	return dims, data, nil
}

// idxShort reports a file that ends or breaks before it should.
func idxShort(path string, err error, format string, args ...any) error {
	var system *fs.PathError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return inputFault(path, "", "truncated: "+format, args...)
	case errors.As(err, &system):
		return ioFault(path, err)
	}
	return inputFault(path, "", "cannot unpack: %w", err)
}

// unpacked reads f, through gzip when its first two bytes say so.
func unpacked(f io.Reader) (r io.Reader, packed bool, err error) {
	buf := bufio.NewReader(f)
	if head, _ := buf.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return buf, false, nil
	}
	z, err := gzip.NewReader(buf)
	return z, true, err
}
