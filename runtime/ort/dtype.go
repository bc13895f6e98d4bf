package ort

import (
	"fmt"
	"math"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// crosses reports whether tensors of t can go to ONNX Runtime and come back:
// the standard types but the complex ones.
func crosses(t onnx.DType) bool {
	switch t {
	case onnx.Float32, onnx.Float64, onnx.Float16, onnx.BFloat16, onnx.Bool, onnx.String,
		onnx.Int8, onnx.Int16, onnx.Int32, onnx.Int64, onnx.Uint8, onnx.Uint16, onnx.Uint32, onnx.Uint64:
		return true
	}
	return false
}

// elements is the product of shape; ok is false when an axis is negative or
// the product passes 2^48, more than any memory.
func elements(shape []int64) (n int64, ok bool) {
	const limit = 1 << 48
	n = 1
	empty := false
	for _, d := range shape {
		if d < 0 || d > limit {
			return 0, false
		}
		if d == 0 {
			empty = true
			continue
		}
		if n > limit/d {
			return 0, false
		}
		n *= d
	}
	if empty {
		n = 0
	}
	return n, true
}

// check refuses a value that the input does not take: type, rank, fixed axes,
// and the length of the data against the shape. With rows > 0 the leading axis
// is cut into pieces and not compared.
func (in Info) check(v Value, model string, rows int64) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Input, model, fmt.Sprintf("input %q", in.Name), format, args...)
	}
	if v.DType != in.DType {
		return bad("got %s, want %s", v.DType, in.DType)
	}
	fits := len(in.Shape) == len(v.Shape) || in.anyRank()
	for i := 0; fits && i < len(in.Shape); i++ {
		free := in.Shape[i] < 0 || i == 0 && rows > 0
		fits = free || in.Shape[i] == v.Shape[i]
	}
	if !fits {
		return bad("got shape %s, want %s", shapeText(v.Shape), shapeText(in.Shape))
	}
	n, ok := elements(v.Shape)
	if !ok || n > math.MaxInt64/8 {
		return bad("impossible shape %s", shapeText(v.Shape))
	}
	if v.DType == onnx.String {
		if int64(len(v.Strings)) != n {
			return bad("got %d strings for shape %s, want %d", len(v.Strings), shapeText(v.Shape), n)
		}
		return nil
	}
	if want := n * int64(v.DType.Size()); int64(len(v.Data)) != want {
		return bad("got %d bytes for shape %s of %s, want %d", len(v.Data), shapeText(v.Shape), v.DType, want)
	}
	return nil
}

// anyRank reports that the rank is not declared: ONNX Runtime gives a scalar
// and an unknown rank alike as no axes.
func (in Info) anyRank() bool { return len(in.Shape) == 0 }

// shapeText writes a shape as (N, 3), -1 as "?".
func shapeText(shape []int64) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = "?"
		if d >= 0 {
			parts[i] = fmt.Sprint(d)
		}
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
