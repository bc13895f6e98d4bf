package dataset

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// element is the type of the values of an array as its file stores them.
type element struct {
	size   int  // bytes
	finite bool // no value can be NaN or infinite
	decode func(dst []float32, src []byte)
}

// array is a Source over rows of equal size that lie one after the other in a
// file or in memory.
type array struct {
	path    string
	spec    Spec
	n       int
	data    io.ReaderAt
	offset  int64 // of row 0
	gap     int   // bytes between rows
	elem    element
	planar  bool      // rows are stored (C, H, W)
	labels  []int32   // (n), nil when no row has one
	values  []float32 // (n, Targets)
	closer  io.Closer
	scratch sync.Pool // *[]byte of one row
	planes  sync.Pool // *[]float32 of one row
}

func (a *array) Spec() Spec { return a.spec }
func (a *array) Len() int   { return a.n }

func (a *array) Labels(context.Context) ([]int32, error) { return labelsOrNone(a.labels, a.n), nil }

func (a *array) Values(context.Context) ([]float32, error) { return slices.Clone(a.values), nil }

func (a *array) Close() error {
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}

func (a *array) Read(ctx context.Context, rows []int, b *Batch) error {
	if err := checkRows(rows, a.n); err != nil {
		return at(a.path, err)
	}
	size := a.spec.Size()
	b.ResetTo(len(rows), a.spec)
	buf := borrow[byte](&a.scratch, size*a.elem.size)
	defer a.scratch.Put(buf)
	for i, r := range rows {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := a.row(*buf, r); err != nil {
			return err
		}
		x := b.X[i*size : (i+1)*size]
		if a.planar {
			plane := borrow[float32](&a.planes, size)
			a.elem.decode(*plane, *buf)
			interleave(x, *plane, a.spec.Shape[2])
			a.planes.Put(plane)
		} else {
			a.elem.decode(x, *buf)
		}
		if !a.elem.finite {
			if err := checkFinite(a.path, r, x); err != nil {
				return err
			}
		}
		copyPart(b.V, a.values, i, r, b.N, a.n)
		b.Y[i] = Unlabelled
		if a.labels != nil {
			b.Y[i] = a.labels[r]
		}
	}
	return ctx.Err()
}

// row reads row r as the file stores it.
func (a *array) row(buf []byte, r int) error {
	_, err := a.data.ReadAt(buf, a.offset+int64(r)*int64(len(buf)+a.gap))
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the file is shorter than when it was opened")
	}
	return fault.New(fault.IO, showPath(a.path), "row "+strconv.Itoa(r), "cannot read: %w", err)
}

// readRaw implements rawReader.
func (a *array) readRaw(ctx context.Context, rows []int, b *Batch) (bool, error) {
	if a.elem.size != 1 || a.spec.DType != Uint8 || a.planar {
		return false, nil
	}
	if err := checkRows(rows, a.n); err != nil {
		return false, at(a.path, err)
	}
	size := a.spec.Size()
	b.Reset(len(rows), 0)
	b.raw = slices.Grow(b.raw, len(rows)*size)[:len(rows)*size]
	for i, r := range rows {
		if err := a.row(b.raw[i*size:(i+1)*size], r); err != nil {
			return false, err
		}
		b.Y[i] = Unlabelled
		if a.labels != nil {
			b.Y[i] = a.labels[r]
		}
	}
	return true, ctx.Err()
}

// borrow takes a slice of n values from the pool, or makes one.
func borrow[T any](p *sync.Pool, n int) *[]T {
	if s, ok := p.Get().(*[]T); ok && len(*s) == n {
		return s
	}
	s := make([]T, n)
	return &s
}

// interleave turns (C, H·W) into (H·W, C).
func interleave(dst, src []float32, c int) {
	hw := len(src) / c
	for k := range c {
		for i, v := range src[k*hw : (k+1)*hw] {
			dst[i*c+k] = v
		}
	}
}

// checkFinite refuses NaN and infinities, which no training survives. A value
// too large for float32 is one of them.
func checkFinite(path string, row int, x []float32) error {
	for i, v := range x {
		if d := v - v; d != 0 { // NaN for NaN and infinities, so never equal to 0
			return inputFault(path, "row "+strconv.Itoa(row), "value %d is %v, expected a finite float32", i, v)
		}
	}
	return nil
}

// labelsOrNone is a copy of labels, or n times Unlabelled.
func labelsOrNone(labels []int32, n int) []int32 {
	y := make([]int32, n)
	if labels == nil {
		for i := range y {
			y[i] = Unlabelled
		}
		return y
	}
	copy(y, labels)
	return y
}

// bytesElement is an unsigned byte.
var bytesElement = element{size: 1, finite: true, decode: func(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(src[i])
	}
}}

// elements are the types of NPY by kind and size, little-endian.
var elements = map[string]element{
	"u1": bytesElement,
	"b1": {1, true, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = 0
			if src[i] != 0 {
				dst[i] = 1
			}
		}
	}},
	"i1": {1, true, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(int8(src[i]))
		}
	}},
	"u2": {2, true, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(binary.LittleEndian.Uint16(src[2*i:]))
		}
	}},
	"i2": {2, true, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(int16(binary.LittleEndian.Uint16(src[2*i:])))
		}
	}},
	"u4": {4, true, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(binary.LittleEndian.Uint32(src[4*i:]))
		}
	}},
	"i4": {4, true, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(int32(binary.LittleEndian.Uint32(src[4*i:])))
		}
	}},
	"u8": {8, true, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(binary.LittleEndian.Uint64(src[8*i:]))
		}
	}},
	"i8": {8, true, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(int64(binary.LittleEndian.Uint64(src[8*i:])))
		}
	}},
	"f2": {2, false, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = halfToFloat(binary.LittleEndian.Uint16(src[2*i:]))
		}
	}},
	"f4": {4, false, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	}},
	"f8": {8, false, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
		}
	}},
}

// bigEndian is the same element stored with its bytes reversed.
func (e element) bigEndian() element {
	little := e
	e.decode = func(dst []float32, src []byte) {
		buf := make([]byte, len(src))
		for i := 0; i < len(src); i += e.size {
			for k := range e.size {
				buf[i+k] = src[i+e.size-1-k]
			}
		}
		little.decode(dst, buf)
	}
	return e
}

// halfToFloat widens an IEEE 754 binary16.
func halfToFloat(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exp == 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp == 0: // frac · 2⁻²⁴
		v := float32(frac) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(v))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
