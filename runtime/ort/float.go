package ort

import (
	"encoding/binary"
	"math"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Float32 makes a float32 tensor of the given shape from a copy of v.
func Float32(shape []int64, v []float32) Value {
	data := make([]byte, 4*len(v))
	for i, f := range v {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(f))
	}
	return Value{DType: onnx.Float32, Shape: shape, Data: data}
}

// Float32s copies the values of a float32 tensor. Another element type is a
// fault.Input.
func (v Value) Float32s() ([]float32, error) {
	if v.DType != onnx.Float32 {
		return nil, fault.New(fault.Input, "", "", "got a %s tensor, expected float32", v.DType)
	}
	out := make([]float32, len(v.Data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(v.Data[4*i:]))
	}
	return out, nil
}
