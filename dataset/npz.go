package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func init() {
	Register(Format{
		Name:   "npz",
		About:  "a NumPy archive (.npz) with arrays x and y, or x_train, y_train and so on",
		Detect: detectNPZ,
		Open:   openNPZ,
		Splits: splitsNPZ,
	})
}

// Limits of an NPZ archive.
const (
	maxEntries   = 1024
	maxDirectory = 1 << 20 // bytes of the list of entries
)

func detectNPZ(path string) bool {
	return strings.EqualFold(filepath.Ext(path), ".npz") && isFile(path)
}

// Names that rows and labels go by: with a split in place of %, or without.
var (
	rowNames   = []string{"x_%", "X_%", "%_x", "%_X", "%_images", "images_%", "%_data", "x", "X", "images", "data", "features", "arr_0"}
	labelNames = []string{"y_%", "Y_%", "%_y", "%_Y", "%_labels", "labels_%", "%_label", "y", "Y", "labels", "label", "targets", "target", "arr_1"}
)

// archive is an open NPZ file.
type archive struct {
	path    string
	file    *os.File
	size    int64
	entries map[string]*zip.File
	names   []string // in the order of the file
}

func splitsNPZ(path string) []string {
	z, err := openArchive(path)
	if err != nil {
		return nil
	}
	defer z.file.Close()
	var splits []string
	for _, s := range []string{"train", "val", "test"} {
		if z.find(rowNames, s) != "" {
			splits = append(splits, s)
		}
	}
	return splits
}

// find gives the entry that goes by one of the names.
func (z *archive) find(names []string, split string) string {
	for _, n := range namesOf(names, split) {
		if z.entries[n] != nil {
			return n
		}
	}
	return ""
}

// namesOf are the names of the split, or those without one when split is empty.
func namesOf(names []string, split string) []string {
	var of []string
	for _, n := range names {
		if strings.Contains(n, "%") == (split != "") {
			of = append(of, strings.ReplaceAll(n, "%", split))
		}
	}
	return of
}

func openNPZ(path string, o Options) (Source, error) {
	z, err := openArchive(path)
	if err != nil {
		return nil, err
	}
	defer z.file.Close()
	split := pickSplit(o.Split, splitsNPZ(path))
	x, y := z.find(rowNames, split), z.find(labelNames, split)
	if x == "" && split == "train" { // asked of an archive without splits
		x, y = z.find(rowNames, ""), z.find(labelNames, "")
	}
	if x == "" {
		return nil, inputFault(path, "", "holds %s, expected an array x, or x_train and so on", listOr(z.names, "no arrays"))
	}
	rows, err := z.load(x)
	if err != nil {
		return nil, err
	}
	a, err := rows.source(o)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Label == "none":
		return a, nil
	case o.Label != "" && z.entries[o.Label] == nil:
		return nil, inputFault(path, "label", "no array %q: it holds %s", o.Label, listOr(z.names, "none"))
	case o.Label != "":
		y = o.Label
	case y == "":
		a.spec.Notes = append(a.spec.Notes, "no labels beside "+x+": rows are unlabelled")
		return a, nil
	}
	labels, err := z.load(y)
	if err != nil {
		return nil, err
	}
	if err := a.setLabels(labels, o); err != nil {
		return nil, err
	}
	return a, nil
}

// load unpacks one array into memory and checks its sum.
func (z *archive) load(name string) (*ndarray, error) {
	e := z.entries[name]
	packed, size := int64(e.CompressedSize64), int64(e.UncompressedSize64)
	if err := checkExpansion(z.path, name, packed, size); err != nil {
		return nil, err
	}
	r, err := e.Open()
	if err != nil {
		return nil, inputFault(z.path, name, "cannot unpack: %w", err)
	}
	defer r.Close()
	data, extra, err := readExactly(r, size)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, inputFault(z.path, name, "unpacks to fewer than the %d bytes that its entry says", size)
	case err != nil:
		return nil, inputFault(z.path, name, "cannot unpack: %w", err)
	case extra:
		return nil, inputFault(z.path, name, "unpacks to more than the %d bytes that its entry says", size)
	}
	if sum := crc32.ChecksumIEEE(data); sum != e.CRC32 {
		return nil, inputFault(z.path, name, "CRC-32 is %08x, expected %08x", sum, e.CRC32)
	}
	return newArray(z.path, name, bytes.NewReader(data), size)
}

// openArchive reads the list of entries and refuses what a hostile archive
// would do with it.
func openArchive(path string) (*archive, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	z := &archive{path: path, file: f, size: size, entries: map[string]*zip.File{}}
	if err := z.list(); err != nil {
		f.Close()
		return nil, err
	}
	return z, nil
}

func (z *archive) list() error {
	if err := z.checkDirectory(); err != nil {
		return err
	}
	r, err := zip.NewReader(z.file, z.size)
	if err != nil {
		return inputFault(z.path, "", "not a readable NPZ archive: %w", err)
	}
	if len(r.File) > maxEntries {
		return inputFault(z.path, "", "%d entries, limit %d", len(r.File), maxEntries)
	}
	type span struct {
		from, to int64
		name     string
	}
	var spans []span
	for _, e := range r.File {
		name, ok := strings.CutSuffix(e.Name, ".npy")
		switch {
		case !ok || strings.ContainsAny(name, "/\\:\x00") || name == "" || name == "..":
			return inputFault(z.path, showPath(e.Name), "not the name of an array, expected NAME.npy")
		case z.entries[name] != nil:
			return inputFault(z.path, showPath(name), "two arrays of that name")
		case e.Flags&1 != 0:
			return inputFault(z.path, showPath(name), "is encrypted")
		case e.Method != zip.Store && e.Method != zip.Deflate:
			return inputFault(z.path, showPath(name), "compression method %d, expected stored or deflated", e.Method)
		}
		from, err := e.DataOffset()
		if err != nil {
			return inputFault(z.path, showPath(name), "no local header: %w", err)
		}
		packed := e.CompressedSize64
		if packed > uint64(z.size-from) || e.UncompressedSize64 > 1<<62 {
			return inputFault(z.path, showPath(name), "%d packed bytes at offset %d of a file of %d", packed, from, z.size)
		}
		if e.Method == zip.Store && packed != e.UncompressedSize64 {
			return inputFault(z.path, showPath(name), "stored in %d bytes, but its entry says %d", packed, e.UncompressedSize64)
		}
		z.entries[name], z.names = e, append(z.names, name)
		spans = append(spans, span{from, from + int64(packed), name})
	}
	const localHeader = 30
	slices.SortFunc(spans, func(a, b span) int { return int(min(max(a.from-b.from, -1), 1)) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from-localHeader < spans[i-1].to {
			return inputFault(z.path, showPath(spans[i].name), "overlaps %s", showPath(spans[i-1].name))
		}
	}
	return nil
}

// checkDirectory finds the end record of the archive and bounds the number of
// entries and the bytes of their list before anything is read of it.
func (z *archive) checkDirectory() error {
	const record, locator, record64 = 22, 20, 56
	tail := make([]byte, min(z.size, record+1<<16))
	if _, err := z.file.ReadAt(tail, z.size-int64(len(tail))); err != nil {
		return ioFault(z.path, err)
	}
	at := len(tail) - record
	for ; at >= 0; at-- {
		if string(tail[at:at+4]) == "PK\x05\x06" && at+record+int(binary.LittleEndian.Uint16(tail[at+20:])) <= len(tail) {
			break
		}
	}
	if at < 0 {
		return inputFault(z.path, "", "not a zip archive, or a truncated one: no end record")
	}
	end := z.size - int64(len(tail)) + int64(at)
	r := tail[at:]
	count := uint64(binary.LittleEndian.Uint16(r[10:]))
	size := uint64(binary.LittleEndian.Uint32(r[12:]))
	offset := uint64(binary.LittleEndian.Uint32(r[16:]))
	saturated := count == 0xffff || size == 0xffff || size == 0xffffffff || offset == 0xffffffff
	if saturated && at >= locator && string(tail[at-locator:at-locator+4]) == "PK\x06\x07" {
		where := binary.LittleEndian.Uint64(tail[at-locator+8:])
		var r64 [record64]byte
		if where > uint64(end) {
			return inputFault(z.path, "", "its Zip64 record lies outside the file")
		}
		if _, err := z.file.ReadAt(r64[:], int64(where)); err != nil || string(r64[:4]) != "PK\x06\x06" {
			return inputFault(z.path, "", "no Zip64 record at offset %d", where)
		}
		count, size, offset = binary.LittleEndian.Uint64(r64[32:]), binary.LittleEndian.Uint64(r64[40:]), binary.LittleEndian.Uint64(r64[48:])
		end = int64(where)
	}
	switch {
	case count > maxEntries:
		return inputFault(z.path, "", "%d entries, limit %d", count, maxEntries)
	case size > maxDirectory:
		return inputFault(z.path, "", "a list of entries of %d bytes, limit %d", size, maxDirectory)
	case offset+size != uint64(end):
		return inputFault(z.path, "", "the list of entries is said to end at offset %d, but it ends at %d", offset+size, end)
	}
	return nil
}
