//go:build cgo && linux

package ort

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

func newPair(t *testing.T) (ours, theirs *region) {
	t.Helper()
	ours, err := newRegion("test")
	if err != nil {
		t.Fatal(err)
	}
	theirs = &region{file: ours.file}
	t.Cleanup(ours.close)
	return ours, theirs
}

func TestWireRoundTrip(t *testing.T) {
	ours, theirs := newPair(t)
	values := []Value{
		ramp(3, 5),
		{DType: onnx.String, Shape: []int64{3}, Strings: []string{"", "\xff", "long enough to matter"}},
		{DType: onnx.Uint8, Shape: []int64{0, 2}, Data: []byte{}},
		ramp(1<<18, 2), // grows the region
	}
	for range 2 {
		payloads, err := put(ours, values)
		if err != nil {
			t.Fatal(err)
		}
		got, err := get(theirs, int64(len(ours.data)), payloads)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(values, got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestWireHostile requires that no number in a message reaches past memory.
func TestWireHostile(t *testing.T) {
	ours, theirs := newPair(t)
	if _, err := put(ours, []Value{ramp(4)}); err != nil {
		t.Fatal(err)
	}
	size := int64(len(ours.data))
	f := func(at, n int64, shape ...int64) payload {
		return payload{DType: onnx.Float32, Shape: shape, At: at, Len: n}
	}
	if _, err := get(theirs, size, []payload{f(size-16, 16, 4)}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []payload{
		f(size-8, 16, 4), f(-8, 16, 4), f(0, -16, -4), f(1<<62, 1<<62, 1<<60), f(0, 16, 5), f(0, 12, 4), f(4, 16, 4),
		f(0, 16, 1<<32, 1<<32), {DType: onnx.Complex64 + 100, Shape: []int64{4}, Len: 16},
		{DType: onnx.String, Shape: []int64{1 << 40}, Len: 8}, {DType: onnx.String, Shape: []int64{1}, Len: 2},
	} {
		if _, err := get(theirs, size, []payload{p}); err == nil {
			t.Errorf("accepts %+v", p)
		}
	}
	if _, err := get(theirs, size+1, nil); err == nil {
		t.Error("maps more than there is")
	}
	binary.LittleEndian.PutUint32(ours.data, 1<<31)
	if _, err := get(theirs, size, []payload{{DType: onnx.String, Shape: []int64{1}, Len: 8}}); err == nil {
		t.Error("accepts a string longer than its bytes")
	}
	if err := ours.file.Truncate(0); err == nil {
		t.Error("the region can be shrunk under its readers")
	}
	for _, message := range []string{"\xff\xff\xff\xff", "\x02\x00\x00\x00{", "\x05\x00\x00\x00hello", ""} {
		if err := receive(bytes.NewReader([]byte(message)), new(reply)); err == nil {
			t.Errorf("accepts %q", message)
		}
	}
}

// TestCorrect holds both wordings in which ONNX Runtime tells the shape it
// wants, and how two outputs that look alike are told apart.
func TestCorrect(t *testing.T) {
	for _, text := range []string{
		"Status Message: OrtValue shape verification failed. Current shape:{1,1} Requested shape:{2,5}",
		"The output OrtValue provided for output 'y' of node '' (Flatten) has shape {1,1} but the computed output shape for this run is {2,5}. When",
	} {
		m := shapeMismatch.FindStringSubmatch(text)
		if m == nil || !slices.Equal(parseShape(m[1]), []int64{1, 1}) || !slices.Equal(parseShape(m[2]), []int64{2, 5}) {
			t.Errorf("%q: %q", text, m)
		}
	}
	half := Info{Name: "h", DType: onnx.Float16, Shape: []int64{-1, -1}}
	o := newOutput(half)
	o.learn([]int64{7, 3}, 7)
	if o.mode != given || !slices.Equal(o.dims, []int64{-1, 3}) {
		t.Errorf("learnt %v", o.dims)
	}
	full := newOutput(Info{DType: onnx.Float32, Shape: []int64{-1, 3}})
	if full.mode != given {
		t.Error("a declared shape is not used")
	}
	if full.learn([]int64{3, 3}, 7); full.mode != automatic {
		t.Error("a wrong declaration is kept")
	}
}

func TestJoin(t *testing.T) {
	o := newOutput(Info{DType: onnx.Float32, Shape: []int64{-1, -1}})
	o.reset()
	if err := o.join([]int64{2, 3}, 2); err != nil {
		t.Fatal(err)
	}
	for _, shape := range [][]int64{{2, 4}, {3, 3}, {2}, {}, {2, 3, 1}} {
		if o.join(shape, 2) == nil {
			t.Errorf("joins %v to (2, 3)", shape)
		}
	}
}
