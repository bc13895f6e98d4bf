package dataset

import (
	"encoding/binary"
	"io"
	"math"
)

// WriteNPY writes a float32 array of the given dims in C order.
func WriteNPY(w io.Writer, dims []int, data []float32) error {
	if n, ok := product(dims); !ok || n != len(data) {
		return inputFault("", "NPY", "%d values do not fill shape %v", len(data), dims)
	}
	if err := WriteNPYHeader(w, "<f4", dims); err != nil {
		return err
	}
	buf := make([]byte, 0, 64<<10)
	for len(data) > 0 {
		n := min(len(data), cap(buf)/4)
		buf = buf[:0]
		for _, v := range data[:n] {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
