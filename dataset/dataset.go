// Package dataset gives rows: a Source is a random-access list of examples,
// whatever file they lie in. Each format is one file of this package that
// registers itself; each passes the suite in datasettest.
//
// # Invariants
//
// A row is float32 values in a fixed shape, before any transform: a stored
// byte 0..255 is the float 0..255. Images are (H, W, C). A table may also keep
// cells as they are written, for teachers that take strings. A row's identity
// is the digest of its values and texts, so that what a teacher said of it is
// found again by content and never by position.
package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
)

// Unlabelled is the label of a row that has none.
const Unlabelled int32 = -1

// DType is how a file stores its values. Rows are float32 whatever it is.
type DType string

// The stored types that matter to a reader of the rows: bytes are pixel
// values in 0..255, floats are anything.
const (
	Uint8   DType = "uint8"
	Float32 DType = "float32"
)

// Task is what is to be predicted of a row.
type Task string

// The tasks.
const (
	MultiClass Task = ""            // one class of Spec.Classes: Batch.Y
	MultiLabel Task = "multi-label" // each of Spec.Targets or not: Batch.V is 0 or 1
	Regression Task = "regression"  // a number for each of Spec.Targets: Batch.V
)

// Spec describes every row of a Source.
type Spec struct {
	Shape   []int    // one row; (H, W, C) when Image
	Image   bool     // whether Shape is (H, W, C)
	DType   DType    // how the file stores the values
	Columns []string // names of the features of a table; nil for images
	Texts   []string // names of the columns that are also kept as text; nil when there are none
	Missing bool     // whether a value may be NaN: an empty cell
	Task    Task     // what the labels are
	Classes []string // class names by label; empty when no row has a label
	Targets []string // names of the numbers or labels to predict; nil for MultiClass
	Schema  Schema   // how the columns of a table became features; zero for others
	Notes   []string // what the reader concluded and why, for people
}

// Size is the number of values of one row.
func (s Spec) Size() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Source is a random-access list of rows. Read may be called from several
// goroutines at once.
type Source interface {
	// Spec describes the rows.
	Spec() Spec
	// Len is the number of rows.
	Len() int
	// Read puts the rows at the given positions into b, growing its slices
	// as needed, in the order of rows.
	Read(ctx context.Context, rows []int, b *Batch) error
	// Close releases files.
	Close() error
}

// Batch is the buffer that a Source reads into.
type Batch struct {
	N int       // number of rows
	X []float32 // (N, Size) values
	Y []int32   // (N) labels, Unlabelled where there is none
	S []string  // (N, len(Texts)) texts; empty when there are none
	V []float32 // (N, len(Targets)) values to predict, NaN where there is none; empty for MultiClass

	raw []byte // (N, Size) instead of X, values that are bytes; only readForID leaves it
}

// ResetTo is Reset for n rows of spec, with room for their texts and targets.
func (b *Batch) ResetTo(n int, spec Spec) {
	b.Reset(n, spec.Size())
	b.S = slices.Grow(b.S, n*len(spec.Texts))[:n*len(spec.Texts)]
	b.V = slices.Grow(b.V, n*len(spec.Targets))[:n*len(spec.Targets)]
}

// copyRow makes row i of b row j of from, which is of the same Spec.
func (b *Batch) copyRow(i int, from *Batch, j int) {
	copyPart(b.X, from.X, i, j, b.N, from.N)
	copyPart(b.S, from.S, i, j, b.N, from.N)
	copyPart(b.V, from.V, i, j, b.N, from.N)
	b.Y[i] = from.Y[j]
}

// copyPart copies row j of from, which has m rows, to row i of to, which has n.
func copyPart[T any](to, from []T, i, j, n, m int) {
	copy(to[i*len(to)/n:(i+1)*len(to)/n], from[j*len(from)/m:(j+1)*len(from)/m])
}

// Reset makes room for n rows of size values without texts and targets,
// keeping the memory it has.
func (b *Batch) Reset(n, size int) {
	b.S, b.V, b.raw = b.S[:0], b.V[:0], b.raw[:0]
	b.N = n
	if cap(b.X) < n*size {
		b.X = make([]float32, n*size)
	}
	if cap(b.Y) < n {
		b.Y = make([]int32, n)
	}
	b.X, b.Y = b.X[:n*size], b.Y[:n]
}

// RowID is the identity of a row: the first 16 bytes of the SHA-256 of its
// values and texts. Two rows with the same ones are the same row.
type RowID [16]byte

// String is the identity in hexadecimal.
func (id RowID) String() string { return hex.EncodeToString(id[:]) }

// IDOf digests the values of one row: as bytes where all are whole numbers of
// 0 to 255, else as little-endian float32. The first byte digested tells which.
// Each text follows with its length before it.
func IDOf(x []float32, texts ...string) RowID {
	id, _ := idOf(x, texts, nil)
	return id
}

// ID is the identity of row i.
func (b *Batch) ID(i int) RowID {
	id, _ := b.id(i, nil)
	return id
}

// IDs appends the identities of all rows to ids.
func (b *Batch) IDs(ids []RowID) []RowID {
	var buf []byte
	for i := range b.N {
		var id RowID
		id, buf = b.id(i, buf)
		ids = append(ids, id)
	}
	return ids
}

// id is ID with memory to use again.
func (b *Batch) id(i int, buf []byte) (RowID, []byte) {
	if size := len(b.raw) / b.N; size > 0 {
		buf = append(append(buf[:0], 0), b.raw[i*size:(i+1)*size]...)
		sum := sha256.Sum256(buf)
		return RowID(sum[:16]), buf
	}
	size, texts := len(b.X)/b.N, len(b.S)/b.N
	return idOf(b.X[i*size:(i+1)*size], b.S[i*texts:(i+1)*texts], buf)
}

// idOf is IDOf with memory to use again.
func idOf(x []float32, texts []string, buf []byte) (RowID, []byte) {
	buf = slices.Grow(buf[:0], 1+4*len(x))[:1+len(x)]
	buf[0] = 0
	odd := uint32(0) // stays 0 as long as every value is a byte
	for i, v := range x {
		k := int32(v)
		odd |= uint32(k)&^0xff | math.Float32bits(float32(k)) ^ math.Float32bits(v)
		buf[1+i] = uint8(k)
	}
	if odd != 0 {
		buf = append(buf[:0], 1)
		for _, v := range x {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
	}
	for _, s := range texts {
		buf = append(binary.LittleEndian.AppendUint64(buf, uint64(len(s))), s...)
	}
	sum := sha256.Sum256(buf)
	return RowID(sum[:16]), buf
}

// isByte tells whether v is a whole number of 0 to 255; a negative zero and
// NaN are not.
func isByte(v float32) bool {
	k := int32(v) // of no use outside int32, which the bits then tell
	return uint32(k) <= 255 && math.Float32bits(float32(k)) == math.Float32bits(v)
}
