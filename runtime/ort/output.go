//go:build cgo && linux

package ort

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/kdonnx/kdonnx/runtime/onnx"
	ortc "github.com/yalue/onnxruntime_go"
)

// mode is how an output crosses.
type mode int

const (
	given     mode = iota // native code writes into memory of ours, shape guessed
	automatic             // native code allocates, the wrapper copies
	scalar                // no axes
)

// output collects one output over the pieces of a run that one lane makes. Its
// memory and its native tensor are kept, so that a run of a known shape
// allocates next to nothing here.
type output struct {
	info Info
	mode mode
	dims []int64 // guessed axes, -1 for the leading axis of the inputs
	kept kept    // what native code writes into

	whole   []int64 // shape of the first piece; the leading axis is not kept
	rows    int64   // leading axis over all pieces
	ends    []end   // of the pieces so far
	data    []byte
	strings []string
	keys    []string
}

// end is where a piece ends in what an output has collected.
type end struct{ data, strings int }

// maxGiven bounds the memory that a declared shape makes us allocate before
// native code has computed anything.
const maxGiven = 1 << 30

// newOutput chooses the mode. Where an inner axis is not declared the wrapper
// has to allocate; it cannot do that for float16 and bfloat16, whose axes are
// guessed and corrected instead.
func newOutput(info Info) *output {
	o := &output{info: info, mode: automatic}
	if info.Kind != onnx.KindTensor || info.DType == onnx.String {
		return o
	}
	o.dims = slices.Clone(info.Shape)
	half := o.half()
	if len(o.dims) == 0 && half {
		o.dims = []int64{-1}
	}
	known := len(o.dims) > 0
	for i := 1; i < len(o.dims); i++ {
		if o.dims[i] < 0 {
			known, o.dims[i] = false, 1
		}
	}
	if known || half {
		o.mode = given
	}
	return o
}

// half reports a type that the wrapper cannot allocate.
func (o *output) half() bool {
	return o.info.DType == onnx.Float16 || o.info.DType == onnx.BFloat16
}

func (o *output) reset() {
	o.data, o.strings, o.keys, o.ends = o.data[:0], nil, nil, o.ends[:0]
	o.rows = 0
}

// prepare makes the native value that the next piece is written into, nil when
// native code allocates.
func (o *output) prepare(lead int64) (ortc.Value, error) {
	switch o.mode {
	case scalar:
		return newScalar(o.info.DType, nil)
	case automatic:
		return nil, nil
	}
	shape := append(o.kept.next[:0], o.dims...)
	o.kept.next = shape
	if shape[0] < 0 {
		shape[0] = lead
	}
	n, ok := elements(shape)
	if !ok || n > maxGiven/int64(o.info.DType.Size()) {
		if o.half() {
			return nil, fmt.Errorf("shape %s needs more than %d bytes", shapeText(shape), maxGiven)
		}
		return nil, nil // native code refuses or fails in its own way
	}
	return o.kept.tensor(o.info.DType, int(n)*o.info.DType.Size())
}

// learn corrects the guess after native code asked for the shape want.
func (o *output) learn(want []int64, lead int64) {
	if !o.half() || len(want) == 0 {
		o.mode = automatic
		return
	}
	o.dims = slices.Clone(want)
	if want[0] == lead {
		o.dims[0] = -1
	}
}

// take adds the piece that v holds. With batch > 0 its leading axis must be
// batch, for the pieces to be joined.
func (o *output) take(v ortc.Value, batch int64) error {
	var shape []int64
	switch t := v.(type) {
	case *ortc.StringTensor:
		var s []string
		var err error
		if shape, s, err = stringsOf(t); err != nil {
			return fmt.Errorf("%s", cleanText(err.Error()))
		}
		o.strings = append(o.strings, s...)
	case *ortc.Sequence, *ortc.Map:
		n, err := o.takeMaps(v)
		if err != nil {
			return err
		}
		shape = []int64{n, int64(len(o.keys))}
	default:
		var data []byte
		var err error
		if o.kept.is(v) {
			shape, data = o.kept.shape, o.kept.data
		} else if shape, data, err = content(v); err != nil {
			return err
		}
		o.add(data)
	}
	return o.join(shape, batch)
}

func (o *output) add(data []byte) {
	at := len(o.data)
	o.data = grow(o.data, len(data))
	copy(o.data[at:], data)
}

// join checks that a piece of that shape continues the ones before.
func (o *output) join(shape []int64, batch int64) error {
	if batch > 0 && (len(shape) == 0 || shape[0] != batch) {
		return fmt.Errorf("got shape %s for a batch of %d rows, want a leading axis of %d to join batches", shapeText(shape), batch, batch)
	}
	if len(o.ends) == 0 {
		o.whole = append([]int64{}, shape...) // the result is its owner's
	} else if len(shape) != len(o.whole) || !slices.Equal(shape[1:], o.whole[1:]) {
		return fmt.Errorf("got shape %s after batches of shape %s", shapeText(shape), shapeText(o.whole))
	}
	o.ends = append(o.ends, end{len(o.data), len(o.strings)})
	if len(shape) > 0 {
		o.rows += shape[0]
	}
	return nil
}

// takePiece adds piece n of what from has collected.
func (o *output) takePiece(from *output, n int, batch int64) error {
	var begin end
	if n > 0 {
		begin = from.ends[n-1]
	}
	to := from.ends[n]
	o.add(from.data[begin.data:to.data])
	o.strings = append(o.strings, from.strings[begin.strings:to.strings]...)
	if o.keys == nil {
		o.keys = from.keys
	} else if !slices.Equal(o.keys, from.keys) {
		return fmt.Errorf("got keys %q, other rows have %q", from.keys, o.keys)
	}
	shape := from.whole
	if batch > 0 && len(shape) > 0 {
		shape = append([]int64{batch}, shape[1:]...)
	}
	return o.join(shape, batch)
}

// result is the joined value; with rows >= 0 the padding after them is cut.
func (o *output) result(rows int64) (Value, error) {
	v := Value{DType: o.info.DType, Shape: o.whole, Data: o.data, Strings: o.strings, Keys: o.keys}
	if o.info.Kind != onnx.KindTensor {
		v.DType = onnx.Float32
	}
	if rows >= 0 {
		v.Shape[0] = rows
	}
	n, ok := elements(v.Shape)
	if !ok {
		return v, fmt.Errorf("impossible shape %s", shapeText(v.Shape))
	}
	if v.DType == onnx.String {
		v.Data = nil
		if int64(len(v.Strings)) < n {
			return v, fmt.Errorf("got %d strings for shape %s", len(v.Strings), shapeText(v.Shape))
		}
		v.Strings = v.Strings[:n]
		return v, nil
	}
	size := n * int64(v.DType.Size())
	if int64(len(v.Data)) < size {
		return v, fmt.Errorf("got %d bytes for shape %s of %s, want %d", len(v.Data), shapeText(v.Shape), v.DType, size)
	}
	v.Data = v.Data[:size]
	return v, nil
}

// kept is a native tensor over memory of ours that serves one piece after
// another.
type kept struct {
	next   []int64 // shape that tensor is asked for
	shape  []int64
	data   []byte
	dtype  onnx.DType
	native ortc.Value
	pin    runtime.Pinner
}

// tensor is a native tensor of the shape next, which takes size bytes.
func (k *kept) tensor(t onnx.DType, size int) (ortc.Value, error) {
	if k.native != nil && k.dtype == t && slices.Equal(k.shape, k.next) {
		return k.native, nil
	}
	k.free()
	data := grow(k.data[:0], size)
	v, err := over(t, k.next, data, &k.pin)
	if err != nil {
		k.pin.Unpin()
		return nil, err
	}
	k.native, k.data, k.dtype = v, data, t
	k.shape = append(k.shape[:0], k.next...)
	return v, nil
}

func (k *kept) is(v ortc.Value) bool { return k.native != nil && k.native == v }

func (k *kept) free() {
	if k.native != nil {
		k.native.Destroy()
		k.native = nil
		k.pin.Unpin()
	}
}
