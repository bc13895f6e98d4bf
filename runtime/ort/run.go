//go:build cgo && linux

package ort

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	ortc "github.com/yalue/onnxruntime_go"
)

// run feeds the inputs, in pieces of s.batch rows when that is set, and leaves
// the joined outputs in s.results.
func (s *Session) run(inputs []Value) error {
	for _, o := range s.outputs {
		o.reset()
	}
	s.results = s.results[:0]
	rows := int64(-1)
	if s.batch == 0 {
		if err := s.piece(inputs, leading(inputs)); err != nil {
			return err
		}
	} else {
		var err error
		if rows, err = s.cutRows(inputs); err != nil {
			return err
		}
		cut := make([]Value, len(inputs))
		// No rows still ask for one piece: its shape is that of the result.
		for at := int64(0); at == 0 || at < rows; at += s.batch {
			for i := range inputs {
				cut[i] = s.slice(i, inputs[i], at, rows)
			}
			if err := s.piece(cut, s.batch); err != nil {
				return err
			}
		}
	}
	for _, o := range s.outputs {
		v, err := o.result(rows)
		if err != nil {
			return fault.New(fault.Input, s.model, fmt.Sprintf("output %q", o.info.Name), "%s", err.Error())
		}
		s.results = append(s.results, v)
	}
	return nil
}

// leading is the first axis of the first input that has one.
func leading(inputs []Value) int64 {
	for _, v := range inputs {
		if len(v.Shape) > 0 {
			return v.Shape[0]
		}
	}
	return 1
}

// isCut reports whether input i is cut into pieces of s.batch rows.
func (s *Session) isCut(i int, v Value) bool {
	if len(v.Shape) == 0 {
		return false
	}
	declared := s.inputs[i].Shape
	return len(declared) == 0 || declared[0] < 0 || declared[0] == s.batch
}

// cutRows is the number of rows that all cut inputs agree on.
func (s *Session) cutRows(inputs []Value) (int64, error) {
	rows := int64(-1)
	for i, v := range inputs {
		if !s.isCut(i, v) {
			if d := s.inputs[i].Shape; len(d) > 0 && d[0] != v.Shape[0] {
				return 0, fault.New(fault.Input, s.model, fmt.Sprintf("input %q", s.inputs[i].Name), "got shape %s, want %s", shapeText(v.Shape), shapeText(d))
			}
			continue
		}
		if rows >= 0 && v.Shape[0] != rows {
			return 0, fault.New(fault.Input, s.model, fmt.Sprintf("input %q", s.inputs[i].Name), "got %d rows, the inputs before have %d", v.Shape[0], rows)
		}
		rows = v.Shape[0]
	}
	if rows < 0 {
		return 0, fault.New(fault.Input, s.model, "inputs", "none has a leading axis to cut into batches of %d", s.batch)
	}
	return rows, nil
}

// slice is rows [at, at+batch) of input i, the last row repeated past the end.
// With no rows at all it is zeros.
func (s *Session) slice(i int, v Value, at, rows int64) Value {
	if !s.isCut(i, v) {
		return v
	}
	shape := slices.Clone(v.Shape)
	shape[0] = s.batch
	out := Value{DType: v.DType, Shape: shape}
	end := min(at+s.batch, rows)
	if v.DType == onnx.String {
		per, _ := elements(shape[1:])
		out.Strings = slices.Clone(v.Strings[at*per : end*per])
		for int64(len(out.Strings)) < s.batch*per {
			if rows == 0 {
				out.Strings = append(out.Strings, "")
				continue
			}
			out.Strings = append(out.Strings, v.Strings[(rows-1)*per:rows*per]...)
		}
		return out
	}
	per, _ := elements(shape[1:])
	per *= int64(v.DType.Size())
	if end-at == s.batch {
		out.Data = v.Data[at*per : end*per]
		return out
	}
	pad := grow(s.padding[i][:0], int(s.batch*per))
	s.padding[i] = pad
	n := copy(pad, v.Data[at*per:end*per])
	clear(pad[n:])
	if rows > 0 {
		for ; n < len(pad) && per > 0; n += int(per) {
			copy(pad[n:], v.Data[(rows-1)*per:rows*per])
		}
	}
	out.Data = pad
	return out
}

// piece runs the native session once and hands each output its part. Outputs
// of foreseeable shape are written by native code into our memory. A guess
// that turns out wrong is corrected and the piece run again, a few times at
// most: shapes settle in the first batch.
func (s *Session) piece(inputs []Value, lead int64) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	in := make([]ortc.Value, len(inputs))
	defer destroy(in)
	for i, v := range inputs {
		t, err := tensor(v, &pin)
		if err != nil {
			return fault.New(fault.Input, s.model, fmt.Sprintf("input %q", s.inputs[i].Name), "%s", cleanText(err.Error()))
		}
		in[i] = t
	}
	err := s.attempt(in, lead, &pin)
	for range 2*len(s.outputs) + 1 {
		if err == nil || isFault(err) || !s.correct(err, lead) {
			break
		}
		err = s.attempt(in, lead, &pin)
	}
	if err != nil && !isFault(err) {
		err = s.attemptAutomatic(in, lead, &pin, err)
	}
	if err != nil && !isFault(err) {
		return fault.New(fault.Input, s.model, "", "ONNX Runtime cannot run the model on %s: %s", s.describeInputs(inputs), cleanText(err.Error()))
	}
	return err
}

func isFault(err error) bool {
	var f *fault.Error
	return errors.As(err, &f)
}

// attemptAutomatic runs with no guesses at all after an attempt failed for a
// reason that correct does not know. If that helps it stays so.
func (s *Session) attemptAutomatic(in []ortc.Value, lead int64, pin *runtime.Pinner, err error) error {
	var changed []*output
	for _, o := range s.outputs {
		if o.mode == given && !o.half() {
			o.mode = automatic
			changed = append(changed, o)
		}
	}
	if changed == nil {
		return err
	}
	if err = s.attempt(in, lead, pin); err != nil {
		for _, o := range changed {
			o.mode = given
		}
	}
	return err
}

// attempt runs once with the present guesses. An error that is no fault came
// from native code.
func (s *Session) attempt(in []ortc.Value, lead int64, pin *runtime.Pinner) error {
	out := make([]ortc.Value, len(s.outputs))
	defer destroy(out)
	for i, o := range s.outputs {
		t, err := o.prepare(lead, pin)
		if err != nil {
			return fault.New(fault.Input, s.model, fmt.Sprintf("output %q", o.info.Name), "%s", cleanText(err.Error()))
		}
		if t != nil {
			out[i] = t
		}
	}
	if err := s.call(in, out); err != nil {
		return err
	}
	for i, o := range s.outputs {
		if err := o.take(out[i], s.batch); err != nil {
			return fault.New(fault.Input, s.model, fmt.Sprintf("output %q", o.info.Name), "%s", err.Error())
		}
	}
	return nil
}

// call runs the native session. The wrapper panics on a sequence whose elements
// it cannot take over.
func (s *Session) call(in, out []ortc.Value) (err error) {
	defer func() {
		if recover() != nil {
			err = fault.New(fault.Input, s.model, "outputs", "hold a value that is neither a tensor nor a sequence of maps")
		}
	}()
	return s.native.RunWithOptions(in, out, s.options)
}

// shapeMismatch is how ONNX Runtime says that an output of ours has the wrong
// shape: the shape it has and the one it should have, in the words of 1.24 and
// of 1.29.
var shapeMismatch = regexp.MustCompile(`(?:Current shape:|OrtValue provided for output .* has shape )\{([\d,]*)\}.*?(?:Requested shape:|computed output shape for this run is )\{([\d,]*)\}`)

// correct learns from a failed attempt; false when there is nothing to learn.
func (s *Session) correct(err error, lead int64) bool {
	if errors.Is(err, ortc.ZeroShapeLengthError) {
		// A scalar that the wrapper could not take over.
		for _, o := range s.outputs {
			if o.mode == automatic && len(o.info.Shape) == 0 && o.info.Kind == onnx.KindTensor && o.info.DType != onnx.String {
				o.mode = scalar
				return true
			}
		}
		return false
	}
	m := shapeMismatch.FindStringSubmatch(err.Error())
	if m == nil {
		return false
	}
	have, want := parseShape(m[1]), parseShape(m[2])
	for _, o := range s.outputs {
		if o.mode != automatic && slices.Equal(o.shape, have) {
			o.learn(want, lead)
			return true
		}
	}
	return false
}

func parseShape(s string) []int64 {
	shape := []int64{}
	for _, d := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) {
		n, _ := strconv.ParseInt(d, 10, 64)
		shape = append(shape, n)
	}
	return shape
}

func (s *Session) describeInputs(inputs []Value) string {
	var parts []string
	for i, v := range inputs {
		parts = append(parts, fmt.Sprintf("input %q of shape %s", s.inputs[i].Name, shapeText(v.Shape)))
	}
	return strings.Join(parts, ", ")
}

// destroy frees the native values.
func destroy(values []ortc.Value) {
	for _, v := range values {
		// A failed run leaves typed nil pointers behind.
		if v != nil && !reflect.ValueOf(v).IsNil() {
			v.Destroy()
		}
	}
}
