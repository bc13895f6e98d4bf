package store

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func init() {
	for _, name := range []string{Float32, Float16} {
		kinds[name] = kind{
			forms: name,
			parse: func(_ *DType, args []string) error {
				if len(args) > 0 {
					return errors.New("takes nothing")
				}
				return nil
			},
			text:  func(DType) string { return name },
			codec: func(_ DType, classes int) (codec, error) { return dense{elements[name], classes}, nil },
		}
	}
}

// elements are the types that a logit is kept in, little-endian.
var elements = map[string]floats{
	Float32: {"<f4", 4, math.MaxFloat32,
		func(dst []byte, v float32) { binary.LittleEndian.PutUint32(dst, math.Float32bits(v)) },
		func(src []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(src)) }},
	Float16: {"<f2", 2, 65504,
		func(dst []byte, v float32) { binary.LittleEndian.PutUint16(dst, onnx.ToHalf(v)) },
		func(src []byte) float32 { return onnx.FromHalf(binary.LittleEndian.Uint16(src)) }},
}

// dense keeps every logit, (classes).
type dense struct {
	elem    floats
	classes int
}

func (d dense) array() (string, int) { return d.elem.descr, d.classes }
func (d dense) size() int            { return d.classes * d.elem.size }

func (d dense) encode(dst []byte, row []float32) error {
	for c, v := range row {
		if !d.elem.fits(v) {
			return d.elem.tooLarge(c, v)
		}
		d.elem.put(dst[c*d.elem.size:], v)
	}
	return nil
}

func (d dense) decode(dst []float32, src []byte, _ float64) {
	if d.elem.size == 4 {
		for c := range dst {
			dst[c] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*c:]))
		}
		return
	}
	for c := range dst {
		dst[c] = onnx.FromHalf(binary.LittleEndian.Uint16(src[2*c:]))
	}
}
