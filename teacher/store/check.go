package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// checker verifies shards, a piece of memory at a time.
type checker struct{ buf []byte }

// chunk is the size of a piece: whole ids.
const chunk = 1 << 18

// shard verifies shard i of p in dir and returns its description. The bytes of
// ids and targets are handed to onIDs and onTargets, which may be nil, before
// all of them are known to be right. A shard one of whose files is not there
// gives an error that matches fs.ErrNotExist.
func (c *checker) shard(dir string, p plan, i int, onIDs, onTargets func([]byte) error) (sidecar, error) {
	side, err := readSidecar(dir, p, i)
	if err != nil {
		return side, err
	}
	if err := c.targetsOf(dir, p, side, onTargets); err != nil {
		return side, err
	}
	return side, c.idsOf(dir, side, onIDs)
}

// ids verifies the ids alone of shard i.
func (c *checker) ids(dir string, p plan, i int, onIDs func([]byte) error) error {
	side, err := readSidecar(dir, p, i)
	if err != nil {
		return err
	}
	return c.idsOf(dir, side, onIDs)
}

func (c *checker) targetsOf(dir string, p plan, side sidecar, visit func([]byte) error) error {
	size := int64(side.Rows) * int64(p.codec.size())
	return c.array(targetsPath(dir, side.Shard), side.Shard, targetsHeader(side.Rows, p.codec), size, side.TargetsSHA256, visit)
}

func (c *checker) idsOf(dir string, side sidecar, onIDs func([]byte) error) error {
	return c.array(idsPath(dir, side.Shard), side.Shard, idsHeader(side.Rows), int64(side.Rows)*int64(idSize), side.IDsSHA256, onIDs)
}

// readSidecar reads the description of shard i and requires that it is the one
// that p wants.
func readSidecar(dir string, p plan, i int) (sidecar, error) {
	path := sidecarPath(dir, i)
	var got sidecar
	if err := readMeta(path, &got); err != nil {
		return got, err
	}
	from, to := p.span(i)
	want := sidecar{i, from, to - from, p.Key.Classes, p.KeySHA256, got.TargetsSHA256, got.IDsSHA256}
	switch {
	case got.KeySHA256 != want.KeySHA256:
		return got, fault.New(fault.Integrity, path, "key_sha256", "shard %d belongs to another run: got key %.16s…, expected %.16s…", i, got.KeySHA256, want.KeySHA256)
	case got != want:
		return got, fault.New(fault.Integrity, path, "", "got shard %d with rows %d to %d and %d classes, expected shard %d with rows %d to %d and %d classes",
			got.Shard, got.First, got.First+got.Rows, got.Classes, i, from, to, want.Classes)
	}
	return got, nil
}

// array checks that the file at path is header and then size bytes with the
// SHA-256 sum over all of it, and hands those bytes to visit.
func (c *checker) array(path string, i int, header []byte, size int64, sum string, visit func([]byte) error) error {
	f, have, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if want := int64(len(header)) + size; have != want {
		return fault.New(fault.Integrity, path, "", "shard %d: got %d bytes, expected %d", i, have, want)
	}
	if c.buf == nil {
		c.buf = make([]byte, chunk)
	}
	read := func(b []byte) error {
		if _, err := io.ReadFull(f, b); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fault.New(fault.Integrity, path, "", "shard %d: was cut short while it was read", i)
		} else if err != nil {
			return fault.New(fault.IO, path, "", "cannot read: %w", reason(err))
		}
		return nil
	}
	got := make([]byte, len(header))
	if err := read(got); err != nil {
		return err
	}
	if !bytes.Equal(got, header) {
		return fault.New(fault.Integrity, path, "", "shard %d: its .npy header is not that of the store's shape", i)
	}
	h := sha256.New()
	h.Write(got)
	for done := int64(0); done < size; done += chunk {
		b := c.buf[:min(chunk, size-done)]
		if err := read(b); err != nil {
			return err
		}
		h.Write(b)
		if visit != nil {
			if err := visit(b); err != nil {
				return err
			}
		}
	}
	if found := hex.EncodeToString(h.Sum(nil)); found != sum {
		return fault.New(fault.Integrity, path, "", "shard %d: digest mismatch: got SHA-256 %.16s…, expected %.16s…", i, found, sum)
	}
	return nil
}
