// Package store keeps what a teacher said of each row: a folder of targets
// that is written once, possibly by several machines, and read by any number
// of students, without ONNX Runtime.
//
// # Layout
//
//	store.json          the Key, its hash, and how the rows are cut into shards
//	targets-00000.npy   (n, columns) logits of one shard as Key.DType keeps them
//	ids-00000.npy       (n, 16) uint8 row ids, in the same order
//	targets-00000.json  rows, SHA-256 of the two files, hash of the key
//	index.bin           positions of all rows by id
//	lock                held while a process writes
//
// # Invariants
//
// Every file is complete under its final name. A shard counts once its .json
// is there, which is written after the other two, so a store is complete when
// every shard's .json is: there is no list that several writers would share.
// Shards of a store with the same key that were written elsewhere are merged by
// copying their three files into one folder. The index follows from the ids:
// the writer that completes the store leaves it behind, and a reader that does
// not find it makes its own. A row is found by the id of its values, never by
// position; rows with equal values are stored once.
//
// Memory does not grow with the rows, but for a bit and a quarter of a byte of
// each: ids are sorted on disk, and of a store above 64 MiB targets, ids and
// index are read where they lie.
package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

const (
	formatVersion = 2
	idSize        = len(dataset.RowID{})
	maxMeta       = 16 << 20 // bytes of a .json file
	maxRows       = 1 << 34  // rows of a store: what a plan may claim
	maxClasses    = 1 << 24
)

// plan is store.json.
type plan struct {
	Format    int    `json:"format"`
	Key       Key    `json:"key"`
	KeySHA256 string `json:"key_sha256"`
	Rows      int    `json:"rows"`       // distinct rows
	ShardRows int    `json:"shard_rows"` // rows of every shard but the last

	codec codec // of Key.DType
}

func (p plan) shards() int { return (p.Rows + p.ShardRows - 1) / p.ShardRows }

// span is the first row of shard i and the row after its last.
func (p plan) span(i int) (from, to int) {
	return i * p.ShardRows, min((i+1)*p.ShardRows, p.Rows)
}

// rowsOf is the number of rows of shard i.
func (p plan) rowsOf(i int) int {
	from, to := p.span(i)
	return to - from
}

// sidecar is targets-NNNNN.json.
type sidecar struct {
	Shard         int    `json:"shard"`
	First         int    `json:"first"` // position of the shard's first row among the distinct rows
	Rows          int    `json:"rows"`
	Classes       int    `json:"classes"`
	KeySHA256     string `json:"key_sha256"`
	TargetsSHA256 string `json:"targets_sha256"`
	IDsSHA256     string `json:"ids_sha256"`
}

func planPath(dir string) string { return filepath.Join(dir, "store.json") }
func lockPath(dir string) string { return filepath.Join(dir, "lock") }
func targetsPath(dir string, i int) string {
	return filepath.Join(dir, fmt.Sprintf("targets-%05d.npy", i))
}
func idsPath(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("ids-%05d.npy", i)) }
func sidecarPath(dir string, i int) string {
	return filepath.Join(dir, fmt.Sprintf("targets-%05d.json", i))
}

// npyHeader is the header of a (rows, cols) .npy file.
func npyHeader(descr string, rows, cols int) []byte {
	var b bytes.Buffer
	if err := dataset.WriteNPYHeader(&b, descr, []int{rows, cols}); err != nil {
		panic(err) // two axes always fit
	}
	return b.Bytes()
}

func targetsHeader(rows int, c codec) []byte {
	descr, cols := c.array()
	return npyHeader(descr, rows, cols)
}

func idsHeader(rows int) []byte { return npyHeader("|u1", rows, idSize) }

// readMeta reads a .json file of the store into v and requires that it is, to
// the byte, what this package writes.
func readMeta(path string, v any) error {
	f, _, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxMeta+1))
	if err != nil {
		return fault.New(fault.IO, path, "", "cannot read: %w", err)
	}
	if len(raw) > maxMeta {
		return fault.New(fault.Integrity, path, "", "got more than %d bytes, expected a short description", maxMeta)
	}
	var head struct {
		Format int `json:"format"`
	}
	if json.Unmarshal(raw, &head) == nil && head.Format > 0 && head.Format != formatVersion {
		return fault.New(fault.Integrity, path, "format", "got %d, expected %d: another version of kdonnx wrote the store; fill a new folder", head.Format, formatVersion)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fault.New(fault.Integrity, path, "", "damaged: %v", err)
	}
	if !bytes.Equal(raw, canonical(v)) {
		return fault.New(fault.Integrity, path, "", "damaged: its bytes are not those that were written")
	}
	return nil
}

// openRegular opens a file of the store: no link, no device, no pipe. A file
// that is not there gives an error that matches fs.ErrNotExist.
func openRegular(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, fault.New(fault.Integrity, path, "", "missing: %w", fs.ErrNotExist)
	case errors.Is(err, syscall.ELOOP):
		return nil, 0, fault.New(fault.Integrity, path, "", "is a symbolic link, expected a regular file")
	case err != nil:
		return nil, 0, fault.New(fault.IO, path, "", "cannot open: %w", reason(err))
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fault.New(fault.IO, path, "", "cannot stat: %w", reason(err))
	}
	if !st.Mode().IsRegular() {
		f.Close()
		return nil, 0, fault.New(fault.Integrity, path, "", "is no regular file")
	}
	return f, st.Size(), nil
}

// reason strips the operation and path, which the fault names itself.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// readPlan reads and checks store.json.
func readPlan(dir string) (plan, error) {
	var p plan
	path := planPath(dir)
	if err := readMeta(path, &p); err != nil {
		return p, err
	}
	bad := func(field, format string, args ...any) (plan, error) {
		return p, fault.New(fault.Integrity, path, field, format, args...)
	}
	switch {
	case p.Format != formatVersion:
		return bad("format", "got %d, expected %d", p.Format, formatVersion)
	case p.KeySHA256 != p.Key.Hash():
		return bad("key_sha256", "got %.16s…, expected %.16s…: the key was changed", p.KeySHA256, p.Key.Hash())
	case p.Key.Classes < 1 || p.Key.Classes > maxClasses:
		return bad("key.classes", "got %d, expected 1 to %d", p.Key.Classes, maxClasses)
	case p.Rows < 1 || p.Rows > maxRows:
		return bad("rows", "got %d, expected 1 to %d", p.Rows, maxRows)
	case p.ShardRows < 1 || p.ShardRows > maxRows:
		return bad("shard_rows", "got %d, expected 1 to %d", p.ShardRows, maxRows)
	}
	c, err := p.Key.codec()
	if err != nil {
		return bad("key.dtype", "%v", err)
	}
	p.codec = c
	return p, nil
}

// DTypeIn is the Key.DType of the store in dir, empty where there is none that
// can be read.
func DTypeIn(dir string) string {
	p, err := readPlan(dir)
	if err != nil {
		return ""
	}
	return p.Key.DType
}
