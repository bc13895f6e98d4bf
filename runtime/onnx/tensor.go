package onnx

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// NumElements is the product of t.Dims: 1 for a scalar, 0 where an axis is
// empty, -1 when it does not fit an int64.
func (t *Tensor) NumElements() int64 {
	n, ok := numElements(t.Dims)
	if !ok {
		return -1
	}
	return n
}

// numElements multiplies dims; false on a negative axis or overflow.
func numElements(dims []int64) (int64, bool) {
	n, fits := int64(1), true
	for _, d := range dims {
		if d < 0 {
			return 0, false
		}
		if d > 0 && n > math.MaxInt64/d {
			fits = false
			continue
		}
		n *= d
	}
	if slices.Contains(dims, 0) {
		return 0, true
	}
	return n, fits
}

// wantBytes is the bytes that t's elements take by its type and Dims; false
// when there is no such number.
func (t *Tensor) wantBytes() (int64, bool) {
	n, ok := numElements(t.Dims)
	if !ok {
		return 0, false
	}
	return t.DType.byteLen(n)
}

// Float32s gives the elements of t, row-major, as float32, rounding wider
// types to nearest. It fails for strings, complex and sub-byte types, and for
// a tensor read without its weights.
func (t *Tensor) Float32s() ([]float32, error) {
	at, err := t.reader()
	if err != nil {
		return nil, err
	}
	v := make([]float32, len(t.Data)/t.DType.Size())
	for i := range v {
		switch t.DType {
		case Float32:
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		case Float16, BFloat16, Float64:
			v[i] = float32(at.float(i))
		case Uint64:
			v[i] = float32(binary.LittleEndian.Uint64(t.Data[8*i:]))
		default:
			v[i] = float32(at.int(i))
		}
	}
	return v, nil
}

// Int64s gives the elements of an integer or bool tensor, row-major. It fails
// for every other type, for a uint64 above the int64 range, and for a tensor
// read without its weights.
func (t *Tensor) Int64s() ([]int64, error) {
	at, err := t.reader()
	if err != nil {
		return nil, err
	}
	if t.DType.Float() {
		return nil, t.mismatch("an integer type")
	}
	v := make([]int64, len(t.Data)/t.DType.Size())
	for i := range v {
		v[i] = at.int(i)
		if t.DType == Uint64 && v[i] < 0 {
			return nil, fault.New(fault.Input, "", tensorAt(t), "element %d is %d, expected at most %d", i, uint64(v[i]), int64(math.MaxInt64))
		}
	}
	return v, nil
}

// elements reads single elements out of a tensor's bytes.
type elements struct {
	d    DType
	data []byte
}

// reader checks that t holds numbers of whole bytes, as many as Dims says.
func (t *Tensor) reader() (elements, error) {
	if t.External != nil && t.Data == nil {
		return elements{}, fault.New(fault.Input, "", tensorAt(t), "its bytes are external (%q) and were not loaded", t.External.Location)
	}
	if !t.DType.Float() && (t.DType < Uint8 || t.DType > Uint64 || t.DType == String) {
		return elements{}, t.mismatch("a numeric type")
	}
	if n := t.NumElements(); n < 0 || n > math.MaxInt64/8 || n*int64(t.DType.Size()) != int64(len(t.Data)) {
		return elements{}, fault.New(fault.Input, "", tensorAt(t), "holds %d bytes, expected %v of shape %v", len(t.Data), t.DType, t.Dims)
	}
	return elements{t.DType, t.Data}, nil
}

func (t *Tensor) mismatch(want string) error {
	return fault.New(fault.Input, "", tensorAt(t), "element type is %v, expected %s", t.DType, want)
}

func tensorAt(t *Tensor) string { return (&loc{field: "tensor", index: -1, name: t.Name}).String() }

// float reads element i of a floating-point tensor.
func (e elements) float(i int) float64 {
	switch e.d {
	case Float16:
		return float64(FromHalf(binary.LittleEndian.Uint16(e.data[2*i:])))
	case BFloat16:
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(e.data[2*i:])) << 16))
	case Float32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(e.data[4*i:])))
	default:
		return math.Float64frombits(binary.LittleEndian.Uint64(e.data[8*i:]))
	}
}

// int reads element i of an integer tensor; a uint64 keeps its bits.
func (e elements) int(i int) int64 {
	le := binary.LittleEndian
	switch e.d {
	case Int8:
		return int64(int8(e.data[i]))
	case Uint16:
		return int64(le.Uint16(e.data[2*i:]))
	case Int16:
		return int64(int16(le.Uint16(e.data[2*i:])))
	case Uint32:
		return int64(le.Uint32(e.data[4*i:]))
	case Int32:
		return int64(int32(le.Uint32(e.data[4*i:])))
	case Int64, Uint64:
		return int64(le.Uint64(e.data[8*i:]))
	default: // uint8, bool
		return int64(e.data[i])
	}
}

// FloatTensor makes a float32 constant. It panics unless len(v) is the product
// of dims.
func FloatTensor(name string, dims []int64, v []float32) *Tensor {
	data := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(x))
	}
	return newTensor(name, Float32, dims, len(v), data)
}

// Int64Tensor makes an int64 constant. It panics unless len(v) is the product
// of dims.
func Int64Tensor(name string, dims []int64, v []int64) *Tensor {
	data := make([]byte, 8*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint64(data[8*i:], uint64(x))
	}
	return newTensor(name, Int64, dims, len(v), data)
}

func newTensor(name string, d DType, dims []int64, n int, data []byte) *Tensor {
	if want, ok := numElements(dims); !ok || want != int64(n) {
		panic("onnx: tensor values do not fill its shape")
	}
	return &Tensor{Name: name, DType: d, Dims: append([]int64(nil), dims...), Data: data}
}
