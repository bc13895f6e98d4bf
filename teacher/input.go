package teacher

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// encoder turns raw rows into the model's inputs.
type encoder struct {
	plan  inputPlan
	pipe  *dataset.Pipeline
	size  int  // features of a raw row
	texts int  // texts of a raw row
	given bool // preprocessing was given, and holds for integers of a table too
	image bool
	shape []int // of a raw row
	reads bool  // an input takes preprocessed features
	batch int   // rows that the session insists on; 0: any
}

// encoded is a buffer that an encoder fills.
type encoded struct {
	values []ort.Value
	same   []bool // inputs that are for all rows, and not one a row
	bare   bool   // no input has an axis for the batch: the first axis of values is ours
	floats []float32
	bytes  [][]byte
}

// encoder makes an encoder of rows of spec.
func (t *Teacher) encoder(plan inputPlan, pre dataset.Preprocess, spec dataset.Spec) (*encoder, error) {
	pipe, err := pre.Compile(spec)
	if err != nil {
		return nil, err
	}
	e := &encoder{plan: plan, pipe: pipe, size: spec.Size(), texts: len(spec.Texts), given: t.o.Preprocess != nil, image: spec.Image, shape: spec.Shape}
	e.reads = slices.ContainsFunc(plan.feeds, func(f feed) bool { return f.value == nil && !e.raw(&f) })
	return e, e.holds(t.path)
}

// holds requires that preprocessing gives what the inputs take of a row.
func (e *encoder) holds(path string) error {
	for _, f := range e.plan.feeds {
		if !f.whole() {
			continue
		}
		want := 1
		for _, d := range f.dims {
			want *= int(d)
		}
		if size := e.pipe.OutSize(); size != want {
			return fault.New(fault.Usage, path, "input "+f.info.Name, "takes %d values a row, the preprocessing gives %d", want, size)
		}
	}
	return nil
}

// someOf is rows from up to to of b.
func someOf(b *dataset.Batch, from, to int) *dataset.Batch {
	size, texts := len(b.X)/b.N, len(b.S)/b.N
	return &dataset.Batch{N: to - from, X: b.X[from*size : to*size], S: b.S[from*texts : to*texts]}
}

// encode fills b with raw rows. A cell that the input's type cannot hold is a
// *badCell.
func (e *encoder) encode(b *encoded, rows *dataset.Batch) error {
	n, out := rows.N, e.pipe.OutSize()
	if e.reads {
		b.floats = slices.Grow(b.floats[:0], n*out)[:n*out]
		e.pipe.Apply(b.floats, rows.X, n)
	}
	if b.values == nil {
		b.values = make([]ort.Value, len(e.plan.feeds))
		b.same = make([]bool, len(e.plan.feeds))
		b.bytes = make([][]byte, len(e.plan.feeds))
	}
	b.bare = e.plan.bare
	for i := range e.plan.feeds {
		f, v := &e.plan.feeds[i], &b.values[i]
		if f.value != nil {
			b.same[i] = e.constant(v, f, n)
			continue
		}
		v.DType, v.Shape = f.info.DType, append([]int64{int64(n)}, f.dims...)
		switch {
		case f.info.DType == onnx.String:
			v.Strings = e.strings(v.Strings[:0], f, rows)
			continue
		case f.columns != nil:
			if err := e.gather(&b.bytes[i], f, b.floats, rows); err != nil {
				return err
			}
		case f.info.DType == onnx.Float32 && littleEndian:
			b.bytes[i] = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b.floats))), 4*n*out)
		default:
			x := b.floats
			if e.raw(f) {
				x = rows.X
			}
			if r := e.hole(f, x); r >= 0 {
				return &badCell{row: r / out, column: r % out, input: f.info}
			}
			b.bytes[i] = convert(b.bytes[i], f.info.DType, x, 0, 1, n*out)
		}
		v.Data = b.bytes[i]
	}
	return nil
}

// places says what of a row goes where: the ids of rows are of their values
// alone, which under other column names, or as images of another shape, are
// other inputs.
func (e *encoder) places() (out []string) {
	if e.image {
		out = append(out, fmt.Sprintf("rows=%v", e.shape))
	}
	for _, f := range e.plan.feeds {
		if f.columns == nil {
			continue
		}
		var at []string
		for _, c := range f.columns {
			switch {
			case f.info.DType == onnx.String && c.s >= 0:
				at = append(at, fmt.Sprintf("text %d", c.s))
			case c.n > 1:
				at = append(at, fmt.Sprintf("%d to %d", c.x, c.x+c.n-1))
			default:
				at = append(at, strconv.Itoa(c.x))
			}
		}
		out = append(out, fmt.Sprintf("columns of %q=%s", f.info.Name, strings.Join(at, ",")))
	}
	return out
}

// raw tells whether an input takes features as they are: standardised, whole
// numbers of a table would be none any more.
func (e *encoder) raw(f *feed) bool {
	return f.info.DType == onnx.String || !e.image && !e.given && !floating(f.info.DType)
}

// badCell is a value that the type of an input cannot hold.
type badCell struct {
	row, column int
	input       ort.Info
}

func (b *badCell) Error() string {
	return fmt.Sprintf("value %d is missing or not finite, and input %q takes %s", b.column, b.input.Name, b.input.DType)
}

// hole is the first value of x that the type of an input cannot hold, or -1.
func (e *encoder) hole(f *feed, x []float32) int {
	if floating(f.info.DType) || e.image {
		return -1
	}
	return slices.IndexFunc(x, func(v float32) bool { return v-v != 0 })
}

// gather converts the values of some columns, row by row.
func (e *encoder) gather(dst *[]byte, f *feed, floats []float32, rows *dataset.Batch) error {
	x := floats
	if e.raw(f) {
		x = rows.X
	}
	size, width := len(x)/rows.N, f.info.DType.Size()
	k := len(f.columns)
	*dst = slices.Grow((*dst)[:0], rows.N*k*width)[:rows.N*k*width]
	var codes []float32
	var one []byte
	for j, c := range f.columns {
		from, first, stride := x, c.x, size
		if c.n > 1 {
			codes = codesOf(codes[:0], &c, rows)
			from, first, stride = codes, 0, 1
		}
		if !floating(f.info.DType) {
			for r := range rows.N {
				if v := from[r*stride+first]; v-v != 0 {
					return &badCell{row: r, column: c.x, input: f.info}
				}
			}
		}
		if k == 1 {
			*dst = convert(*dst, f.info.DType, from, first, stride, rows.N)
			return nil
		}
		one = convert(one, f.info.DType, from, first, stride, rows.N)
		for r := range rows.N {
			copy((*dst)[(r*k+j)*width:], one[r*width:(r+1)*width])
		}
	}
	return nil
}

// codesOf gives the number of each row's category: the place of its one among
// the one-hot features, -1 where there is none.
func codesOf(dst []float32, c *column, rows *dataset.Batch) []float32 {
	size := len(rows.X) / rows.N
	for r := range rows.N {
		hot := slices.IndexFunc(rows.X[r*size+c.x:r*size+c.x+c.n], func(v float32) bool { return v != 0 && v == v })
		dst = append(dst, float32(hot))
	}
	return dst
}

// strings appends texts as written and numbers printed in the shortest form;
// a missing number is empty.
func (e *encoder) strings(dst []string, f *feed, rows *dataset.Batch) []string {
	for r := range rows.N {
		for _, c := range f.columns {
			if c.s >= 0 {
				dst = append(dst, rows.S[r*e.texts+c.s])
				continue
			}
			v := rows.X[r*e.size+c.x]
			text := ""
			if v == v {
				text = strconv.FormatFloat(float64(v), 'g', -1, 32)
				if v == float32(math.Trunc(float64(v))) && math.Abs(float64(v)) < 1<<24 {
					text = strconv.FormatInt(int64(v), 10)
				}
			}
			dst = append(dst, text)
		}
	}
	return dst
}

// constant makes v the constant of f: once a row where its first axis is the
// batch's, else whole, which it reports.
func (e *encoder) constant(v *ort.Value, f *feed, n int) (same bool) {
	v.DType = f.info.DType
	shape := f.info.Shape
	perRow, dims := f.value.axis, f.dims
	if !perRow && e.batch == 1 && len(shape) > 0 && shape[0] == 1 {
		perRow, dims = true, dims[1:] // the session cuts it into pieces of one row too
	}
	if !perRow {
		v.Shape, v.Data, v.Strings = dims, f.value.data, f.value.strings
		return true
	}
	if len(v.Shape) == 0 || v.Shape[0] != int64(n) {
		v.Shape = append([]int64{int64(n)}, dims...)
		v.Data, v.Strings = slices.Repeat(f.value.data, n), slices.Repeat(f.value.strings, n)
	}
	return false
}

// badRow is err with the name of the row, when a cell of one of the rows is
// at fault; number gives its position in the file.
func (t *Teacher) badRow(err error, b *dataset.Batch, number func(i int) int) error {
	if c, ok := err.(*badCell); ok {
		return fault.New(fault.Input, t.path, fmt.Sprintf("row %d (%v)", number(c.row), b.ID(c.row)), "%s", c.Error())
	}
	return err
}

// littleEndian tells whether the memory of a float32 is its encoding.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// convert writes count values of x, from first on and stride apart, into dst
// as little-endian values of type d. Integers are rounded to nearest and
// clamped; a bool is whether the value is not 0.
func convert(dst []byte, d onnx.DType, x []float32, first, stride, count int) []byte {
	size := d.Size()
	if cap(dst) < count*size {
		dst = make([]byte, count*size)
	}
	dst = dst[:count*size]
	le := binary.LittleEndian
	whole := func(v float32, lo, hi float64) float64 {
		return math.Max(lo, math.Min(hi, math.RoundToEven(float64(v))))
	}
	for i, at := 0, first; i < count; i, at = i+1, at+stride {
		v := x[at]
		switch d {
		case onnx.Float32:
			le.PutUint32(dst[4*i:], math.Float32bits(v))
		case onnx.Float64:
			le.PutUint64(dst[8*i:], math.Float64bits(float64(v)))
		case onnx.Float16:
			le.PutUint16(dst[2*i:], onnx.ToHalf(v))
		case onnx.BFloat16:
			le.PutUint16(dst[2*i:], onnx.ToBrain(v))
		case onnx.Bool:
			dst[i] = 0
			if v != 0 {
				dst[i] = 1
			}
		case onnx.Uint8:
			dst[i] = byte(whole(v, 0, math.MaxUint8))
		case onnx.Int8:
			dst[i] = byte(int8(whole(v, math.MinInt8, math.MaxInt8)))
		case onnx.Uint16:
			le.PutUint16(dst[2*i:], uint16(whole(v, 0, math.MaxUint16)))
		case onnx.Int16:
			le.PutUint16(dst[2*i:], uint16(int16(whole(v, math.MinInt16, math.MaxInt16))))
		case onnx.Uint32:
			le.PutUint32(dst[4*i:], uint32(whole(v, 0, math.MaxUint32)))
		case onnx.Int32:
			le.PutUint32(dst[4*i:], uint32(int32(whole(v, math.MinInt32, math.MaxInt32))))
		case onnx.Uint64:
			le.PutUint64(dst[8*i:], uint64(whole(v, 0, 1<<53)))
		case onnx.Int64:
			le.PutUint64(dst[8*i:], uint64(int64(whole(v, -1<<53, 1<<53))))
		}
	}
	return dst
}
