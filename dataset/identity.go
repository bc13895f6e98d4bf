package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
)

// IDs gives the identity of every row.
func IDs(ctx context.Context, src Source) ([]RowID, error) {
	all := make([]RowID, 0, src.Len())
	err := EachID(ctx, src, func(ids []RowID) error {
		all = append(all, ids...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// EachID calls fn with the identities of all rows in order, some at a time,
// so that they need never be in memory together. fn must not keep ids.
func EachID(ctx context.Context, src Source, fn func(ids []RowID) error) error {
	return identify(ctx, src, func(ids []RowID, _ []int32) error { return fn(ids) })
}

// Digest is the SHA-256, in hexadecimal, of the identities and labels of all
// rows in their order, the values to predict after them.
func Digest(ctx context.Context, src Source) (string, error) {
	h := sha256.New()
	var buf []byte
	err := identify(ctx, src, func(ids []RowID, labels []int32) error {
		buf = buf[:0]
		for i, id := range ids {
			buf = binary.LittleEndian.AppendUint32(append(buf, id[:]...), uint32(labels[i]))
		}
		h.Write(buf)
		return nil
	})
	if err != nil {
		return "", err
	}
	values, err := Values(ctx, src)
	if err != nil {
		return "", err
	}
	for _, v := range values {
		bits := math.Float32bits(unknown) // of every NaN
		if v == v {
			bits = math.Float32bits(v)
		}
		h.Write(binary.LittleEndian.AppendUint32(nil, bits))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// identify reads every row once, in pieces on all cores, and calls fn with
// identities and labels in order. Of several errors it returns the one of the
// first piece.
func identify(ctx context.Context, src Source, fn func(ids []RowID, labels []int32) error) error {
	const piece = 256
	type part struct {
		rows []int
		b    Batch
		ids  []RowID
		buf  []byte
	}
	n := src.Len()
	digest := func(ctx context.Context, i int, p *part) error {
		p.rows = upTo(p.rows, i*piece, min((i+1)*piece, n))
		if err := readForID(ctx, src, p.rows, &p.b); err != nil {
			return err
		}
		p.ids = p.ids[:0]
		for r := range p.b.N {
			var id RowID
			id, p.buf = p.b.id(r, p.buf)
			p.ids = append(p.ids, id)
		}
		return nil
	}
	return inOrder(ctx, (n+piece-1)/piece, digest, func(_ int, p *part) error { return fn(p.ids, p.b.Y) })
}

// rawReader is a Source whose values may be bytes: then their identity needs
// no conversion.
type rawReader interface {
	// readRaw is Read with b.raw instead of b.X; false when the values are not
	// bytes.
	readRaw(ctx context.Context, rows []int, b *Batch) (ok bool, err error)
}

// readForID reads what the identities and labels of rows need, and may leave
// the values out.
func readForID(ctx context.Context, src Source, rows []int, b *Batch) error {
	if r, ok := src.(rawReader); ok {
		if ok, err := r.readRaw(ctx, rows, b); ok || err != nil {
			return err
		}
	}
	return read(ctx, src, rows, b)
}
