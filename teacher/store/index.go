package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/durable"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// The index finds a row by its id: the positions of all rows in the order of
// their ids, cut into blocks. The first id of each block is in memory; a lookup
// reads one block, in which two bytes of each id tell which position to try. It
// follows from the ids alone and can be made again at any time.
//
//	header    64 bytes: magic, version, bytes of a position, rows, the key's digest
//	records   rows times the last two bytes of the id and the position
//	fences    the first id of each block of 64 records
//	digest    SHA-256 of all before
//
// All numbers are little-endian.
const (
	indexMagic  = "KDXINDEX"
	indexHeader = 64
	indexBlock  = 64
	markSize    = 2 // bytes of an id in a record
)

func indexPath(dir string) string { return filepath.Join(dir, "index.bin") }

// indexShape is what the header says.
type indexShape struct {
	rows, width int
	key         string // hexadecimal
}

func indexOf(p plan) indexShape {
	width := 4
	if uint64(p.Rows) > 1<<32 {
		width = 8
	}
	return indexShape{p.Rows, width, p.KeySHA256}
}

func (x indexShape) header() []byte {
	b := append(make([]byte, 0, indexHeader), indexMagic...)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(x.width))
	b = binary.LittleEndian.AppendUint64(b, uint64(x.rows))
	key, err := hex.DecodeString(x.key)
	if err != nil {
		panic(err) // Key.Hash made it
	}
	b = append(b, key...)
	return append(b, make([]byte, indexHeader-len(b))...)
}

func (x indexShape) record() int { return markSize + x.width }
func (x indexShape) blocks() int { return (x.rows + indexBlock - 1) / indexBlock }
func (x indexShape) size() int64 {
	return indexHeader + int64(x.rows)*int64(x.record()) + int64(x.blocks())*int64(idSize) + sha256.Size
}

// write writes the index of the ids in s. An id that occurs twice is a fault.
func (x indexShape) write(dir string, out io.Writer, s *sorter) error {
	h := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(out, h), 1<<16)
	w.Write(x.header())
	var fences, rec []byte
	var last record
	n := 0
	err := s.each(func(r record) error {
		if n > 0 && r.hi == last.hi && r.lo == last.lo {
			return fault.New(fault.Integrity, dir, "row "+r.id().String(), "is stored twice, as rows %d and %d", last.at, r.at)
		}
		id := r.id()
		if n%indexBlock == 0 {
			fences = append(fences, id[:]...)
		}
		last, n = r, n+1
		rec = append(rec[:0], id[idSize-markSize:]...)
		rec = binary.LittleEndian.AppendUint64(rec, r.at)
		_, err := w.Write(rec[:x.record()])
		return err
	})
	if err != nil {
		return err
	}
	w.Write(fences)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = out.Write(h.Sum(nil))
	return err
}

// index is a verified index that is open.
type index struct {
	shape   indexShape
	fences  []byte
	records []byte      // all of them when they are in memory
	at      io.ReaderAt // else
	closer  io.Closer
}

// openIndex verifies the index file of dir. One that is not there gives an
// error that matches fs.ErrNotExist.
func openIndex(dir string, p plan, inMemory bool) (*index, error) {
	path := indexPath(dir)
	f, have, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	x, err := readIndex(path, indexOf(p), f, have, inMemory)
	if err != nil || x.records != nil {
		f.Close()
		return x, err
	}
	x.closer = f
	return x, nil
}

// readIndex verifies the index in data: its digest, and that every position
// occurs once.
func readIndex(path string, shape indexShape, data io.ReaderAt, have int64, inMemory bool) (*index, error) {
	bad := func(format string, args ...any) (*index, error) {
		return nil, fault.New(fault.Integrity, path, "", format+": remove it, it is made again", args...)
	}
	if have != shape.size() {
		return bad("got %d bytes, expected %d", have, shape.size())
	}
	h := sha256.New()
	body := have - sha256.Size
	r := bufio.NewReaderSize(io.TeeReader(io.NewSectionReader(data, 0, body), h), 1<<16)
	head := make([]byte, indexHeader)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", reason(err))
	}
	if !bytes.Equal(head, shape.header()) {
		return bad("its header is not that of the index of this store")
	}
	x := &index{shape: shape, at: data, fences: make([]byte, shape.blocks()*idSize)}
	if inMemory {
		x.records = make([]byte, 0, shape.rows*shape.record())
	}
	seen := make([]uint64, (shape.rows+63)/64)
	wrong := false
	var rec [markSize + 8]byte
	for range shape.rows {
		if _, err := io.ReadFull(r, rec[:shape.record()]); err != nil {
			return nil, fault.New(fault.IO, path, "", "cannot read: %w", reason(err))
		}
		if inMemory {
			x.records = append(x.records, rec[:shape.record()]...)
		}
		at := binary.LittleEndian.Uint64(rec[markSize:])
		if at >= uint64(shape.rows) || seen[at/64]>>(at%64)&1 != 0 {
			wrong = true
			continue
		}
		seen[at/64] |= 1 << (at % 64)
	}
	if _, err := io.ReadFull(r, x.fences); err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", reason(err))
	}
	sum := make([]byte, sha256.Size)
	if _, err := data.ReadAt(sum, body); err != nil && err != io.EOF {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", reason(err))
	}
	if found := h.Sum(nil); !bytes.Equal(found, sum) {
		return bad("digest mismatch: got SHA-256 %x…, expected %x…", found[:8], sum[:8])
	}
	if wrong {
		return bad("its positions are not those of %d rows", shape.rows)
	}
	return x, nil
}

// find gives the positions that id may have to try, which answers whether one
// is right. buf has room for a block.
func (x *index) find(id dataset.RowID, buf []byte, try func(at int) (bool, error)) (int, error) {
	lo, hi := 0, x.shape.blocks() // the last fence that is not above id
	for lo < hi {
		if mid := (lo + hi) / 2; bytes.Compare(x.fences[mid*idSize:(mid+1)*idSize], id[:]) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return -1, nil
	}
	size := x.shape.record()
	from, to := (lo-1)*indexBlock*size, min(lo*indexBlock, x.shape.rows)*size
	block := buf[:to-from]
	if x.records != nil {
		block = x.records[from:to]
	} else if _, err := x.at.ReadAt(block, indexHeader+int64(from)); err != nil {
		return -1, err
	}
	for ; len(block) > 0; block = block[size:] {
		if block[0] != id[idSize-markSize] || block[1] != id[idSize-1] {
			continue
		}
		at := uint64(binary.LittleEndian.Uint32(block[markSize:]))
		if x.shape.width == 8 {
			at = binary.LittleEndian.Uint64(block[markSize:])
		}
		if at >= uint64(x.shape.rows) { // the file changed since it was verified
			return -1, io.ErrUnexpectedEOF
		}
		if ok, err := try(int(at)); ok || err != nil {
			return int(at), err
		}
	}
	return -1, nil
}

func (x *index) Close() error {
	if x.closer == nil {
		return nil
	}
	return x.closer.Close()
}

// makeIndex makes the index of the ids in s where the file is missing, in
// memory or in a temporary file.
func makeIndex(dir string, p plan, s *sorter, inMemory bool) (*index, error) {
	out := &spill{dir: dir}
	err := indexOf(p).write(dir, out, s)
	if err == nil {
		err = out.flush()
	}
	var x *index
	if err == nil {
		x, err = readIndex(indexPath(dir), indexOf(p), out, out.size, inMemory)
	}
	if err != nil || x.records != nil {
		out.Close()
		return x, err
	}
	x.closer = out
	return x, nil
}

// saveIndex writes the index file of a complete store that lacks it.
func saveIndex(fsys durable.FS, dir string, p plan) error {
	if _, err := os.Lstat(indexPath(dir)); err == nil {
		return nil
	}
	s := newSorter(dir)
	defer s.runs.Close()
	var c checker
	at := 0
	for i := range p.shards() {
		err := c.ids(dir, p, i, func(ids []byte) error {
			for ; len(ids) > 0; ids = ids[idSize:] {
				if err := s.add(dataset.RowID(ids), at); err != nil {
					return err
				}
				at++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return durable.WriteFile(fsys, indexPath(dir), func(out io.Writer) error { return indexOf(p).write(dir, out, s) })
}
