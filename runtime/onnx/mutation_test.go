package onnx

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx/onnxtest"
)

// sound requires of any bytes that Parse refuses them with an Input error, or
// accepts a model that it can write and read back. It reports which.
func sound(t testing.TB, data []byte) bool {
	t.Helper()
	m, err := Parse("m", data, ReadOptions{Weights: true})
	if err != nil {
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.Input || e.Path != "m" {
			t.Errorf("error is not of kind Input: %v", err)
		}
		return false
	}
	first, err := Marshal(m)
	if err != nil {
		t.Fatalf("accepted what cannot be written: %v", err)
	}
	back, err := Parse("m", first, ReadOptions{Weights: true})
	if err != nil {
		t.Fatalf("accepted what cannot be read back: %v", err)
	}
	second, err := Marshal(back)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("read back as something else: %v", err)
	}
	Summary(m)
	if _, err := Validate(m); err != nil {
		t.Fatal(err)
	}
	return true
}

// ends gives the offsets at which a top-level field ends. A file cut there is
// itself a well-formed message, though seldom a model.
func ends(data []byte) map[int]bool {
	at := map[int]bool{}
	for pos := 0; pos < len(data); {
		_, _, n := protowire.ConsumeField(data[pos:])
		pos += n
		at[pos] = true
	}
	return at
}

// TestTruncated cuts models at every byte of their first 4 KiB and at every
// 1/64.
func TestTruncated(t *testing.T) {
	big := tiny()
	big.Graph.Initializers = append(big.Graph.Initializers, FloatTensor("big", []int64{100_000}, make([]float32, 100_000)))
	for name, m := range map[string]*Model{"tiny": tiny(), "full": full(), "big": big} {
		data := bytesOf(t, m)
		allowed := ends(data)
		cut := func(n int) {
			if sound(t, data[:n]) && !allowed[n] {
				t.Errorf("%s: accepted %d of %d bytes", name, n, len(data))
			}
		}
		for n := range min(len(data), 4096) {
			cut(n)
		}
		for i := range 64 {
			cut(len(data) * i / 64)
		}
	}
}

// TestFlipped flips every bit of a model that uses every part of the format.
func TestFlipped(t *testing.T) {
	data := bytesOf(t, full())
	start, accepted, total := time.Now(), 0, 0
	try := func(i int, b byte) {
		was := data[i]
		data[i] = b
		if sound(t, data) {
			accepted++
		}
		data[i], total = was, total+1
	}
	for i := range data {
		for bit := range 8 {
			try(i, data[i]^1<<bit)
		}
	}
	took := time.Since(start)
	t.Logf("%d bytes, %d variants, %d accepted, %v", len(data), total, accepted, took)
	if took/time.Duration(total) > 50*time.Millisecond {
		t.Errorf("a variant takes %v", took/time.Duration(total))
	}
	if accepted == 0 || accepted == total {
		t.Error("every variant fared alike: the test sees nothing")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(bytesOf(f, tiny()))
	f.Add(bytesOf(f, full()))
	for _, c := range onnxtest.Small() {
		f.Add(c.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { sound(t, data) })
}
