package store

import (
	"runtime/debug"
	"syscall"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// inMemory is the size in bytes up to which all targets are read into memory;
// a larger store is mapped, so that only the rows in use take memory.
var inMemory int64 = 1 << 30

// table is the targets of one shard.
type table struct {
	bytes   []byte // (rows, classes) little-endian float32
	mapping []byte // what to unmap, header included; nil when in memory
}

// mapTable maps size bytes after the header of the verified file at path.
func mapTable(path string, header, size int) (table, error) {
	f, have, err := openRegular(path)
	if err != nil {
		return table{}, err
	}
	defer f.Close()
	if have != int64(header+size) {
		return table{}, fault.New(fault.Integrity, path, "", "got %d bytes, expected %d", have, header+size)
	}
	m, err := syscall.Mmap(int(f.Fd()), 0, header+size, syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return table{}, fault.New(fault.IO, path, "", "cannot map: %w", err)
	}
	return table{bytes: m[header:], mapping: m}, nil
}

func (t table) close() error {
	if t.mapping == nil {
		return nil
	}
	return syscall.Munmap(t.mapping)
}

// guarded is lookup in mapped shards: a file that was cut short under the
// reader is an error and not a crash.
func (s *Store) guarded(ids []dataset.RowID, dst []float32) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = fault.New(fault.Integrity, s.dir, "", "a shard was cut short while in use")
		default:
			panic(r)
		}
	}()
	return s.lookup(ids, dst)
}
