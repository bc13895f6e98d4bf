package dataset

import (
	"context"
	"math"
	"slices"
)

// fieldKind is what may become of a field's values when rows are made of others.
type fieldKind int

// The kinds. SMOTE-NC (Chawla et al. 2002, section 6.1) takes a category from
// one row too, for there is nothing between two of them.
const (
	continuous fieldKind = iota // any number
	whole                       // whole numbers within the range that was seen
	category                    // values of one row, as they are
)

// field is a column of a table, or a pixel of an image: what is taken from one
// row as one.
type field struct {
	kind   fieldKind
	x, n   int       // its values in the row
	s      int       // its text, -1: none
	std    []float32 // (n) deviation of each value over the rows, 255 for bytes of images; of numbers
	mean   []float32 // (n) of numbers
	lo, hi []float32 // (n) of whole numbers
}

// fieldsOf finds the fields of the rows of src. A number whose every value is
// whole is a whole number.
func fieldsOf(ctx context.Context, src Source) ([]field, error) {
	spec := src.Spec()
	mean, std, err := Stats(ctx, src)
	if err != nil {
		return nil, err
	}
	if spec.Image {
		return pixelFields(spec, mean, std), nil
	}
	odd, lo, hi, err := extent(ctx, src)
	if err != nil {
		return nil, err
	}
	var fields []field
	number := func(x int) {
		f := field{x: x, n: 1, s: -1, mean: mean[x : x+1], std: std[x : x+1], lo: lo[x : x+1], hi: hi[x : x+1]}
		if !odd[x] {
			f.kind = whole
		}
		fields = append(fields, f)
	}
	if spec.Schema.IsZero() || spec.Schema.size() != spec.Size() {
		for x := range spec.Size() {
			number(x)
		}
		return fields, nil
	}
	x := 0
	for _, c := range spec.Schema.Columns {
		switch c.Kind {
		case Drop:
		case Numeric:
			number(x)
		default:
			s := -1
			if c.isString() {
				s = slices.Index(spec.Texts, c.Name)
			}
			fields = append(fields, field{kind: category, x: x, n: c.width(), s: s})
		}
		x += c.width()
	}
	return fields, nil
}

// pixelFields are those of images, each with all its channels.
func pixelFields(spec Spec, mean, std []float32) []field {
	c := spec.Shape[2]
	f := field{n: c, s: -1, mean: mean, std: std}
	if spec.DType == Uint8 {
		f.kind, f.std = whole, slices.Repeat([]float32{255}, c)
		f.lo, f.hi = make([]float32, c), f.std
	}
	fields := make([]field, spec.Size()/c)
	for i := range fields {
		f.x = i * c
		fields[i] = f
	}
	return fields
}

// extent is the range of each feature of a table, and whether it has values that
// are not whole.
func extent(ctx context.Context, src Source) (odd []bool, lo, hi []float32, err error) {
	n := src.Spec().Size()
	odd, lo, hi = make([]bool, n), slices.Repeat([]float32{float32(math.Inf(1))}, n), slices.Repeat([]float32{float32(math.Inf(-1))}, n)
	err = Batches(ctx, src, nil, 256, func(_ []int, b *Batch) error {
		for i, v := range b.X {
			if k := i % n; v == v {
				lo[k], hi[k] = min(lo[k], v), max(hi[k], v)
				odd[k] = odd[k] || v != float32(math.Trunc(float64(v)))
			}
		}
		return nil
	})
	return odd, lo, hi, err
}

// take sets the field of row to that of row from.
func (f *field) take(to, from rowOf) {
	copy(to.x[f.x:f.x+f.n], from.x[f.x:f.x+f.n])
	if f.s >= 0 {
		to.s[f.s] = from.s[f.s]
	}
}

// fit makes v a value that number k of the field may have.
func (f *field) fit(v float32, k int) float32 {
	if f.kind != whole || v != v {
		return v
	}
	return min(max(float32(math.RoundToEven(float64(v))), f.lo[k]), f.hi[k])
}
