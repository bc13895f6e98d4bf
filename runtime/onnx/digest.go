package onnx

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
)

// Digest is the SHA-256, in hexadecimal, of all that the model at path is made
// of: the file's bytes and every region of an external file that a constant in
// it takes, sorted by location, offset and length, each region once. Before
// each part stand the length of its name (the location; "kdonnx model 1" for
// the model), the name, its offset and its length, numbers as 8 bytes
// little-endian. The digest does not depend on where the model lies or what its
// file is called. It fails as Read does.
func Digest(path string) (string, error) {
	m, data, err := readFile(path, ReadOptions{})
	if err != nil {
		return "", err
	}
	type region struct {
		at *loc
		e  External
	}
	var regions []region
	w := walker{tensor: func(at *loc, t *Tensor, _ bool) error {
		if t.External != nil {
			regions = append(regions, region{at.in("external_data"), *t.External})
		}
		return nil
	}}
	w.model(m) // the callback never fails
	slices.SortStableFunc(regions, func(a, b region) int {
		return cmp.Or(cmp.Compare(a.e.Location, b.e.Location), cmp.Compare(a.e.Offset, b.e.Offset), cmp.Compare(a.e.Length, b.e.Length))
	})
	regions = slices.CompactFunc(regions, func(a, b region) bool {
		return a.e.Location == b.e.Location && a.e.Offset == b.e.Offset && a.e.Length == b.e.Length
	})
	h := sha256.New()
	writeFrame(h, "kdonnx model 1", 0, int64(len(data)))
	h.Write(data)
	if len(regions) > 0 {
		f, err := openFolder(path, Limits{}.withDefaults())
		if err != nil {
			return "", in(path, err)
		}
		defer f.close()
		for _, r := range regions {
			if err := f.digest(h, r.at, &r.e); err != nil {
				return "", in(path, err)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeFrame writes what comes next, so that no two lists of parts give the same
// bytes.
func writeFrame(h hash.Hash, name string, offset, length int64) {
	le := binary.LittleEndian
	b := le.AppendUint64(nil, uint64(len(name)))
	b = append(b, name...)
	b = le.AppendUint64(b, uint64(offset))
	h.Write(le.AppendUint64(b, uint64(length)))
}

func (f *folder) digest(h hash.Hash, at *loc, e *External) error {
	r, err := f.region(at, e)
	if err != nil {
		return err
	}
	if err := f.spend(at, e.Length); err != nil {
		return err
	}
	writeFrame(h, e.Location, e.Offset, e.Length)
	if n, err := io.Copy(h, r); err != nil || n != e.Length {
		return unreadable(at, e, cmp.Or(err, fmt.Errorf("%d bytes: %w", n, io.ErrUnexpectedEOF)))
	}
	return nil
}
