package dataset

import (
	"bytes"
	"context"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// FuzzNPY reads any bytes as an array: it gives rows or a fault of the input.
func FuzzNPY(f *testing.F) {
	for _, dims := range [][]int{{2, 3}, {1, 2, 2}, {1, 3, 1, 2}, {}} {
		n, _ := product(dims)
		var b bytes.Buffer
		if err := WriteNPY(&b, dims, make([]float32, n)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte("\x93NUMPY\x03\x00\x40\x00\x00\x00{\"shape\":(1,2),\"fortran_order\":True,\"descr\":\">u2\"}              \nabcd"))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr': '|O', 'shape': (1, 4294967296, 4294967296)"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := readArray(data); err != nil && fault.KindOf(err) != fault.Input {
			t.Fatalf("%#v: %v", err, err)
		}
	})
}

func readArray(data []byte) error {
	x, err := newArray("a.npy", "", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	a, err := x.source(Options{})
	if err != nil {
		return err
	}
	if err := a.setLabels(x, Options{}); err != nil && fault.KindOf(err) != fault.Input {
		return err
	}
	a.labels = nil
	var b Batch
	for r := range min(a.n, 10) {
		if err := a.Read(context.Background(), []int{r}, &b); err != nil {
			return err
		}
	}
	return nil
}
