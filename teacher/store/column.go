package store

import (
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// inMemory is the size in bytes up to which a store is read into memory; the
// rows of a larger one are read from its files when they are asked for.
var inMemory int64 = 64 << 20

// maxOpen is how many files of a column stay open; those of further shards are
// opened for each read. Of what the system allows, half is left to others.
var maxOpen = func() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 64
	}
	return int(min(uint64(limit.Cur)/4, 1<<15))
}()

// column is one array of a store, rows of size bytes, cut into shards.
type column struct {
	size, shardRows int
	path            func(shard int) string
	header, last    int64 // bytes before the rows of a shard, and of the last one
	shards          int
	memory          []byte     // all rows, when they are in memory
	files           []*os.File // of the first shards, when not
}

// columns are the arrays of a store, none of them open yet. Padding makes their
// headers as long for any number of rows.
func (p plan) columns(dir string) (targets, ids column) {
	targets = column{size: p.codec.size(), shardRows: p.ShardRows, shards: p.shards(), header: int64(len(targetsHeader(p.ShardRows, p.codec))),
		path: func(i int) string { return targetsPath(dir, i) }}
	ids = column{size: idSize, shardRows: p.ShardRows, shards: p.shards(), header: int64(len(idsHeader(p.ShardRows))),
		path: func(i int) string { return idsPath(dir, i) }}
	return targets, ids
}

// open keeps the file of the next shard open.
func (c *column) open(shard int) error {
	if shard >= maxOpen {
		return nil
	}
	f, _, err := openRegular(c.path(shard))
	if err == nil {
		c.files = append(c.files, f)
	}
	return err
}

// row gives row at, in buf, which has room for it, unless it is in memory.
func (c *column) row(at int, buf []byte) ([]byte, error) {
	if c.memory != nil {
		return c.memory[at*c.size : (at+1)*c.size], nil
	}
	return buf[:c.size], c.rows(at, buf[:c.size])
}

// rows reads consecutive rows of one shard from row at on, as many as buf takes.
func (c *column) rows(at int, buf []byte) error {
	shard := at / c.shardRows
	var f *os.File
	if shard < len(c.files) {
		f = c.files[shard]
	} else {
		var err error
		if f, _, err = openRegular(c.path(shard)); err != nil {
			return err
		}
		defer f.Close()
	}
	_, err := f.ReadAt(buf, c.header+int64(at%c.shardRows)*int64(c.size))
	if errors.Is(err, io.EOF) {
		return fault.New(fault.Integrity, c.path(shard), "", "was cut short while in use")
	}
	if err != nil {
		return fault.New(fault.IO, c.path(shard), "", "cannot read: %w", reason(err))
	}
	return nil
}

func (c *column) close() {
	for _, f := range c.files {
		f.Close() // only read from
	}
	c.files, c.memory = nil, nil
}
