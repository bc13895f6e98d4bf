package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// IDs gives the identity of every row.
func IDs(ctx context.Context, src Source) ([]RowID, error) {
	ids, _, err := identify(ctx, src)
	return ids, err
}

// Digest is the SHA-256, in hexadecimal, of the identities and labels of all
// rows in their order, the values to predict after them.
func Digest(ctx context.Context, src Source) (string, error) {
	ids, labels, err := identify(ctx, src)
	if err != nil {
		return "", err
	}
	values, err := Values(ctx, src)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for i, id := range ids {
		h.Write(binary.LittleEndian.AppendUint32(id[:], uint32(labels[i])))
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

// identify reads every row once, in pieces on all cores. Of several errors it
// returns the one of the first piece.
func identify(ctx context.Context, src Source) (ids []RowID, labels []int32, err error) {
	const piece = 256
	n := src.Len()
	ids, labels = make([]RowID, n), make([]int32, n)
	failed := make([]error, (n+piece-1)/piece) // by piece
	var next atomic.Int64
	var stop atomic.Bool
	read := func() {
		var b Batch
		var buf []byte
		rows := make([]int, 0, piece)
		for !stop.Load() {
			p := int(next.Add(1)) - 1
			if p >= len(failed) {
				return
			}
			rows = rows[:0]
			for i := p * piece; i < min((p+1)*piece, n); i++ {
				rows = append(rows, i)
			}
			if failed[p] = readForID(ctx, src, rows, &b); failed[p] != nil {
				stop.Store(true)
				return
			}
			copy(labels[p*piece:], b.Y)
			for i := range b.N {
				ids[p*piece+i], buf = b.id(i, buf)
			}
		}
	}
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Go(read)
	}
	readers.Wait()
	if err := first(failed); err != nil {
		return nil, nil, err
	}
	return ids, labels, ctx.Err()
}

// first is the first error that is not nil.
func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
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
