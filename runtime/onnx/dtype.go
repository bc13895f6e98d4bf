package onnx

import "strconv"

// Element types that kdonnx carries but does not compute with.
const (
	Float8E4M3FN   DType = 17
	Float8E4M3FNUZ DType = 18
	Float8E5M2     DType = 19
	Float8E5M2FNUZ DType = 20
	Uint4          DType = 21
	Int4           DType = 22
	Float4E2M1     DType = 23
	Float8E8M0     DType = 24
	Uint2          DType = 25
	Int2           DType = 26
)

// dtypes has the name and the bits of an element of every type; a string has
// no fixed size.
var dtypes = [...]struct {
	name string
	bits int64
}{
	Undefined: {"undefined", 0}, String: {"string", 0}, Bool: {"bool", 8},
	Float16: {"float16", 16}, Float32: {"float32", 32}, Float64: {"float64", 64}, BFloat16: {"bfloat16", 16},
	Int8: {"int8", 8}, Int16: {"int16", 16}, Int32: {"int32", 32}, Int64: {"int64", 64},
	Uint8: {"uint8", 8}, Uint16: {"uint16", 16}, Uint32: {"uint32", 32}, Uint64: {"uint64", 64},
	Complex64: {"complex64", 64}, Complex128: {"complex128", 128},
	Float8E4M3FN: {"float8e4m3fn", 8}, Float8E4M3FNUZ: {"float8e4m3fnuz", 8}, Float8E5M2: {"float8e5m2", 8},
	Float8E5M2FNUZ: {"float8e5m2fnuz", 8}, Float8E8M0: {"float8e8m0", 8},
	Uint4: {"uint4", 4}, Int4: {"int4", 4}, Float4E2M1: {"float4e2m1", 4}, Uint2: {"uint2", 2}, Int2: {"int2", 2},
}

// Known reports whether d is an element type of the specification.
func (d DType) Known() bool { return d > Undefined && int(d) < len(dtypes) }

// String is the type's name as numpy spells it: "float32", "int64", "bool".
func (d DType) String() string {
	if d < 0 || int(d) >= len(dtypes) {
		return "dtype(" + strconv.Itoa(int(d)) + ")"
	}
	return dtypes[d].name
}

// Bits is the size of an element in bits; 0 for String, Undefined and unknown
// types.
func (d DType) Bits() int64 {
	if !d.Known() {
		return 0
	}
	return dtypes[d].bits
}

// Size is the size of an element in bytes; 0 for String and for types of less
// than a byte.
func (d DType) Size() int { return int(d.Bits() / 8) }

// Float reports whether d is an IEEE or brain floating-point type.
func (d DType) Float() bool {
	return d == Float32 || d == Float64 || d == Float16 || d == BFloat16
}

// byteLen is the bytes that n elements take, types of less than a byte packed;
// false when that does not fit an int64.
func (d DType) byteLen(n int64) (int64, bool) {
	bits := d.Bits()
	if bits >= 8 {
		size := bits / 8
		return n * size, n <= (1<<63-1)/size
	}
	perByte := 8 / max(bits, 1)
	return n/perByte + min(n%perByte, 1), true
}
