// Package store keeps what a teacher said of each row: a folder of targets
// that is written once, possibly by several machines, and read by any number
// of students, without ONNX Runtime.
//
// # Layout
//
//	store.json          the Key, its hash, and how the rows are cut into shards
//	targets-00000.npy   (n, Classes) float32 logits of one shard
//	ids-00000.npy       (n, 16) uint8 row ids, in the same order
//	targets-00000.json  rows, SHA-256 of the two files, hash of the key
//	lock                held while a process writes
//
// # Invariants
//
// Every file is complete under its final name. A shard counts once its .json
// is there, which is written after the other two, so a store is complete when
// every shard's .json is: there is no list that several writers would share.
// Shards of a store with the same key that were written elsewhere are merged by
// copying their three files into one folder. A row is found by the id of its
// values, never by position; rows with equal values are stored once.
package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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
	formatVersion = 1
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
}

func (p plan) shards() int { return (p.Rows + p.ShardRows - 1) / p.ShardRows }

// span is the first row of shard i and the row after its last.
func (p plan) span(i int) (from, to int) {
	return i * p.ShardRows, min((i+1)*p.ShardRows, p.Rows)
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

func targetsHeader(rows, classes int) []byte { return npyHeader("<f4", rows, classes) }
func idsHeader(rows int) []byte              { return npyHeader("|u1", rows, idSize) }

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
		return bad("format", "got %d, expected %d: written by another version", p.Format, formatVersion)
	case p.KeySHA256 != p.Key.Hash():
		return bad("key_sha256", "got %.16s…, expected %.16s…: the key was changed", p.KeySHA256, p.Key.Hash())
	case p.Key.Classes < 1 || p.Key.Classes > maxClasses:
		return bad("key.classes", "got %d, expected 1 to %d", p.Key.Classes, maxClasses)
	case p.Key.DType != Float32:
		return bad("key.dtype", "got %q, expected %q", p.Key.DType, Float32)
	case p.Rows < 1 || p.Rows > maxRows:
		return bad("rows", "got %d, expected 1 to %d", p.Rows, maxRows)
	case p.ShardRows < 1 || p.ShardRows > maxRows:
		return bad("shard_rows", "got %d, expected 1 to %d", p.ShardRows, maxRows)
	}
	return p, nil
}

// shard is one verified shard: the raw bytes after the two headers.
type shard struct {
	targets []byte // (rows, classes) little-endian float32
	ids     []byte // (rows, idSize)
	sum     string // SHA-256 of the targets' file
}

// readShard reads and verifies shard i of p in dir. With keep it returns the
// contents, else only checks them. A shard one of whose files is not there
// gives an error that matches fs.ErrNotExist.
func readShard(dir string, p plan, i int, keep bool) (shard, error) {
	path := sidecarPath(dir, i)
	var got sidecar
	if err := readMeta(path, &got); err != nil {
		return shard{}, err
	}
	from, to := p.span(i)
	want := sidecar{i, from, to - from, p.Key.Classes, p.KeySHA256, got.TargetsSHA256, got.IDsSHA256}
	switch {
	case got.KeySHA256 != want.KeySHA256:
		return shard{}, fault.New(fault.Integrity, path, "key_sha256", "shard %d belongs to another run: got key %.16s…, expected %.16s…", i, got.KeySHA256, want.KeySHA256)
	case got != want:
		return shard{}, fault.New(fault.Integrity, path, "", "got shard %d with rows %d to %d and %d classes, expected shard %d with rows %d to %d and %d classes",
			got.Shard, got.First, got.First+got.Rows, got.Classes, i, from, to, want.Classes)
	}
	targets, err := readArray(targetsPath(dir, i), i, targetsHeader(got.Rows, got.Classes), int64(got.Rows)*int64(got.Classes)*4, got.TargetsSHA256, keep)
	if err != nil {
		return shard{}, err
	}
	ids, err := readArray(idsPath(dir, i), i, idsHeader(got.Rows), int64(got.Rows)*int64(idSize), got.IDsSHA256, true)
	if err != nil {
		return shard{}, err
	}
	return shard{targets, ids, got.TargetsSHA256}, nil
}

// readArray checks that the file at path is header and then size bytes with
// the SHA-256 sum over all of it, and returns those bytes when keep is set.
// Nothing is allocated before the file is known to have that size.
func readArray(path string, i int, header []byte, size int64, sum string, keep bool) ([]byte, error) {
	f, have, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if want := int64(len(header)) + size; have != want {
		return nil, fault.New(fault.Integrity, path, "", "shard %d: got %d bytes, expected %d", i, have, want)
	}
	got := make([]byte, len(header))
	if _, err := io.ReadFull(f, got); err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", reason(err))
	}
	if !bytes.Equal(got, header) {
		return nil, fault.New(fault.Integrity, path, "", "shard %d: its .npy header is not that of the store's shape", i)
	}
	h := sha256.New()
	h.Write(got)
	data, err := digestRest(f, h, size, keep)
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot read: %w", reason(err))
	}
	if found := hex.EncodeToString(h.Sum(nil)); found != sum {
		return nil, fault.New(fault.Integrity, path, "", "shard %d: digest mismatch: got SHA-256 %.16s…, expected %.16s…", i, found, sum)
	}
	return data, nil
}

// digestRest feeds the next size bytes of r to h and returns them if keep.
func digestRest(r io.Reader, h io.Writer, size int64, keep bool) ([]byte, error) {
	if !keep {
		_, err := io.CopyN(h, r, size)
		return nil, err
	}
	data := make([]byte, size)
	for done := int64(0); done < size; {
		n := min(size-done, 1<<20)
		if _, err := io.ReadFull(r, data[done:done+n]); err != nil {
			return nil, err
		}
		h.Write(data[done : done+n])
		done += n
	}
	return data, nil
}
