package dataset

import (
	"context"
	"slices"
)

// Memory reads all rows of src into memory, so that each epoch does not decode
// or render them again: a byte a value where all are whole numbers of 0 to
// 255, else four. A source that would take more than limit bytes, texts apart,
// is returned as it is.
func Memory(ctx context.Context, src Source, limit int64) (Source, error) {
	spec, n := src.Spec(), src.Len()
	if int64(n)*int64(spec.Size())*4 > limit {
		return src, nil
	}
	m := &memory{src: src, spec: spec, labels: make([]int32, n), bytes: make([]uint8, n*spec.Size())}
	at := 0
	err := Batches(ctx, src, nil, 256, func(_ []int, b *Batch) error {
		copy(m.labels[at:], b.Y)
		m.texts, m.targets = append(m.texts, b.S...), append(m.targets, b.V...)
		m.keep(at*spec.Size(), b.X)
		at += b.N
		return nil
	})
	return m, err
}

// memory holds rows as bytes, or as floats once a value is no byte.
type memory struct {
	src     Source
	spec    Spec
	labels  []int32
	bytes   []uint8
	floats  []float32 // nil as long as every value is a byte
	texts   []string  // (n, len(Texts))
	targets []float32 // (n, len(Targets))
}

// keep stores the values x at position at.
func (m *memory) keep(at int, x []float32) {
	if m.floats == nil && !slices.ContainsFunc(x, func(v float32) bool { return !isByte(v) }) {
		for i, v := range x {
			m.bytes[at+i] = uint8(v)
		}
		return
	}
	if m.floats == nil {
		m.floats = make([]float32, len(m.bytes))
		for i, v := range m.bytes[:at] {
			m.floats[i] = float32(v)
		}
		m.bytes = nil
	}
	copy(m.floats[at:], x)
}

func (m *memory) Spec() Spec   { return m.spec }
func (m *memory) Len() int     { return len(m.labels) }
func (m *memory) Close() error { return m.src.Close() }

// Labels gives the labels without reading.
func (m *memory) Labels(context.Context) ([]int32, error) { return slices.Clone(m.labels), nil }

// Values gives the values to predict without reading.
func (m *memory) Values(context.Context) ([]float32, error) { return slices.Clone(m.targets), nil }

func (m *memory) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkRows(rows, len(m.labels)); err != nil {
		return err
	}
	size := m.spec.Size()
	b.ResetTo(len(rows), m.spec)
	for i, row := range rows {
		b.Y[i] = m.labels[row]
		copyPart(b.S, m.texts, i, row, b.N, len(m.labels))
		copyPart(b.V, m.targets, i, row, b.N, len(m.labels))
		dst := b.X[i*size : (i+1)*size]
		if m.floats != nil {
			copy(dst, m.floats[row*size:])
			continue
		}
		for j, v := range m.bytes[row*size : (row+1)*size] {
			dst[j] = float32(v)
		}
	}
	return nil
}
