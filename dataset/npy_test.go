package dataset_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	npyio "codeberg.org/sbinet/npyio/npy"

	"github.com/kdonnx/kdonnx/dataset"
)

// TestNPYRoundTrip reads what WriteNPY writes with another reader of the
// format, and with our own.
func TestNPYRoundTrip(t *testing.T) {
	for _, dims := range [][]int{{}, {0}, {5}, {2, 3}, {1, 2, 3, 4, 5, 1, 1, 1}, {1, 100000}} {
		n := 1
		for _, d := range dims {
			n *= d
		}
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i) - 0.5
		}
		var b bytes.Buffer
		if err := dataset.WriteNPY(&b, dims, x); err != nil {
			t.Fatal(err)
		}
		descr, fortran, got, offset, err := dataset.ParseNPYHeader(bytes.NewReader(b.Bytes()))
		if err != nil || descr != "<f4" || fortran || !slices.Equal(got, dims) || offset%64 != 0 || int(offset)+4*n != b.Len() {
			t.Errorf("%v: %q, %v, %v, %d, %v", dims, descr, fortran, got, offset, err)
		}
		r, err := npyio.NewReader(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatalf("%v: %v", dims, err)
		}
		if !slices.Equal(r.Header.Descr.Shape, dims) {
			t.Errorf("%v: read as %v", dims, r.Header.Descr.Shape)
		}
		if n > 0 && len(dims) > 0 {
			var back []float32
			if err := r.Read(&back); err != nil || !slices.Equal(back, x) {
				t.Errorf("%v: %v", dims, err)
			}
		}
	}
	if err := dataset.WriteNPY(&bytes.Buffer{}, []int{2, 2}, make([]float32, 3)); err == nil {
		t.Error("3 values were written as 2×2")
	}
}

// TestNPYTypes reads −1 or 2 and 3 in every type, both byte orders.
func TestNPYTypes(t *testing.T) {
	for descr, c := range map[string]struct {
		bits []uint64
		want []float32
	}{
		"u1": {[]uint64{255, 3}, []float32{255, 3}}, "i1": {[]uint64{255, 3}, []float32{-1, 3}}, "b1": {[]uint64{0, 1}, []float32{0, 1}},
		"u2": {[]uint64{65535, 3}, []float32{65535, 3}}, "i2": {[]uint64{65535, 3}, []float32{-1, 3}},
		"u4": {[]uint64{1 << 31, 3}, []float32{1 << 31, 3}}, "i4": {[]uint64{1<<32 - 1, 3}, []float32{-1, 3}},
		"u8": {[]uint64{1 << 63, 3}, []float32{1 << 63, 3}}, "i8": {[]uint64{math.MaxUint64, 3}, []float32{-1, 3}},
		"f2": {[]uint64{0xc000, 0x3555, 0x0001, 0x8000, 0x7bff}, []float32{-2, 0.33325195, 5.9604645e-08, 0, 65504}},
		"f4": {[]uint64{0xc0000000, 0x3f800000}, []float32{-2, 1}},
		"f8": {[]uint64{0xc000000000000000, 0x3ff0000000000000}, []float32{-2, 1}},
	} {
		size := int(descr[1] - '0')
		for _, order := range []string{"<", ">", "|", "="} {
			if order == "|" && size > 1 {
				continue
			}
			var values []byte
			for _, bits := range c.bits {
				b := binary.LittleEndian.AppendUint64(nil, bits)[:size]
				if order == ">" {
					slices.Reverse(b)
				}
				values = append(values, b...)
			}
			var b bytes.Buffer
			dataset.WriteNPYHeader(&b, order+descr, []int{len(c.bits), 1})
			src, err := dataset.Open(put(t, t.TempDir(), "a.npy", append(b.Bytes(), values...)), dataset.Options{})
			if err != nil {
				t.Errorf("%s%s: %v", order, descr, err)
				continue
			}
			var got dataset.Batch
			rows := dataset.Order(len(c.bits), 1, 1)
			slices.Sort(rows)
			if err := src.Read(context.Background(), rows, &got); err != nil || !slices.Equal(got.X, c.want) {
				t.Errorf("%s%s: %v, want %v (%v)", order, descr, got.X, c.want, err)
			}
		}
	}
}
