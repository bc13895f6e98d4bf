//go:build cgo && linux

package ort

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/internal/fault"
	ortc "github.com/yalue/onnxruntime_go"
)

// run feeds the inputs, in pieces of s.batch rows when that is set, and leaves
// the joined outputs in s.results.
func (s *Session) run(inputs []Value) error {
	rows, outputs := int64(-1), s.lanes[0].outputs
	if s.batch == 0 {
		l := s.lanes[0]
		l.reset()
		if err := l.piece(inputs, leading(inputs)); err != nil {
			return err
		}
	} else {
		var err error
		if rows, err = s.cutRows(inputs); err != nil {
			return err
		}
		if outputs, err = s.runPieces(inputs, rows); err != nil {
			return err
		}
	}
	s.results = s.results[:0]
	for _, o := range outputs {
		v, err := o.result(rows)
		if err != nil {
			return s.outputFault(o, err)
		}
		s.results = append(s.results, v)
	}
	return nil
}

func (s *Session) outputFault(o *output, err error) error {
	return fault.New(fault.Input, s.model, fmt.Sprintf("output %q", o.info.Name), "%s", cleanText(err.Error()))
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

func isFault(err error) bool {
	var f *fault.Error
	return errors.As(err, &f)
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
