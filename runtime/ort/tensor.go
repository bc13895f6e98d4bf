//go:build cgo && linux

package ort

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"unsafe"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	ortc "github.com/yalue/onnxruntime_go"
)

// tensor wraps v as a native value over v's own memory, which pin holds.
func tensor(v Value, pin *runtime.Pinner) (ortc.Value, error) {
	if v.DType == onnx.String {
		if len(v.Shape) == 0 {
			return nil, fmt.Errorf("strings without axes cannot be fed")
		}
		t, err := ortc.NewStringTensor(v.Shape)
		if err != nil {
			return nil, err
		}
		if err := t.SetContents(v.Strings); err != nil {
			t.Destroy()
			return nil, err
		}
		return t, nil
	}
	if len(v.Shape) == 0 {
		return newScalar(v.DType, v.Data)
	}
	return over(v.DType, v.Shape, v.Data, pin)
}

// over makes a native tensor whose memory is data.
func over(t onnx.DType, shape []int64, data []byte, pin *runtime.Pinner) (ortc.Value, error) {
	if len(data) == 0 { // the wrapper wants a byte even for no elements
		data = make([]byte, 8)
	}
	pin.Pin(unsafe.Pointer(&data[0]))
	// Not assigned at once: a nil *CustomDataTensor would be a non-nil Value.
	v, err := ortc.NewCustomDataTensor(shape, data, ortc.TensorElementDataType(t))
	if err != nil {
		return nil, err
	}
	return v, nil
}

// newScalar makes a native tensor without axes; data may be nil for zero.
func newScalar(t onnx.DType, data []byte) (ortc.Value, error) {
	var raw [8]byte
	copy(raw[:], data)
	bits := binary.LittleEndian.Uint64(raw[:])
	switch t {
	case onnx.Float32:
		return scalarOf(math.Float32frombits(uint32(bits)))
	case onnx.Float64:
		return scalarOf(math.Float64frombits(bits))
	case onnx.Int8:
		return scalarOf(int8(bits))
	case onnx.Int16:
		return scalarOf(int16(bits))
	case onnx.Int32:
		return scalarOf(int32(bits))
	case onnx.Int64:
		return scalarOf(int64(bits))
	case onnx.Uint8:
		return scalarOf(uint8(bits))
	case onnx.Uint16:
		return scalarOf(uint16(bits))
	case onnx.Uint32:
		return scalarOf(uint32(bits))
	case onnx.Uint64:
		return scalarOf(bits)
	case onnx.Bool:
		return scalarOf(bits != 0)
	}
	return nil, fmt.Errorf("%s without axes cannot cross to ONNX Runtime", t)
}

func scalarOf[T ortc.TensorData](x T) (ortc.Value, error) {
	s, err := ortc.NewScalar(x)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// content returns the shape and bytes of a native tensor. The bytes are the
// tensor's own: copy them before it is destroyed.
func content(v ortc.Value) (shape []int64, data []byte, err error) {
	switch t := v.(type) {
	case *ortc.CustomDataTensor:
		return t.GetShape(), t.GetData(), nil
	case *ortc.Tensor[float32]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	case *ortc.Tensor[float64]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	case *ortc.Tensor[int8]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	case *ortc.Tensor[int16]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	case *ortc.Tensor[int32]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	case *ortc.Tensor[int64]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	case *ortc.Tensor[uint8]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	case *ortc.Tensor[uint16]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	case *ortc.Tensor[uint32]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	case *ortc.Tensor[uint64]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	case *ortc.Tensor[bool]:
		return t.GetShape(), bytesOf(t.GetData()), nil
	}
	return scalarContent(v)
}

func scalarContent(v ortc.Value) (shape []int64, data []byte, err error) {
	switch t := v.(type) {
	case *ortc.Scalar[float32]:
		return nil, bytesOf([]float32{t.GetData()}), nil
	case *ortc.Scalar[float64]:
		return nil, bytesOf([]float64{t.GetData()}), nil
	case *ortc.Scalar[int8]:
		return nil, bytesOf([]int8{t.GetData()}), nil
	case *ortc.Scalar[int16]:
		return nil, bytesOf([]int16{t.GetData()}), nil
	case *ortc.Scalar[int32]:
		return nil, bytesOf([]int32{t.GetData()}), nil
	case *ortc.Scalar[int64]:
		return nil, bytesOf([]int64{t.GetData()}), nil
	case *ortc.Scalar[uint8]:
		return nil, bytesOf([]uint8{t.GetData()}), nil
	case *ortc.Scalar[uint16]:
		return nil, bytesOf([]uint16{t.GetData()}), nil
	case *ortc.Scalar[uint32]:
		return nil, bytesOf([]uint32{t.GetData()}), nil
	case *ortc.Scalar[uint64]:
		return nil, bytesOf([]uint64{t.GetData()}), nil
	case *ortc.Scalar[bool]:
		return nil, bytesOf([]bool{t.GetData()}), nil
	}
	return nil, nil, fmt.Errorf("found a value that is no tensor")
}

// bytesOf is the memory of x as bytes: little-endian, as this machine is.
func bytesOf[T ortc.TensorData](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

// stringsOf returns the strings of a native tensor and its shape.
func stringsOf(t *ortc.StringTensor) ([]int64, []string, error) {
	shape := t.GetShape()
	if len(shape) == 0 { // GetContents takes no axes for no elements
		s, err := t.GetElement(0)
		return shape, []string{s}, err
	}
	s, err := t.GetContents()
	return shape, s, err
}

// grow returns b with n bytes more, in memory aligned to 8 bytes.
func grow(b []byte, n int) []byte {
	if need := len(b) + n; need > cap(b) {
		bigger := make([]byte, len(b), (max(need, 2*cap(b))+63)&^63)
		copy(bigger, b)
		b = bigger
	}
	return b[:len(b)+n]
}
