//go:build cgo && linux

package ort

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	ortc "github.com/yalue/onnxruntime_go"
)

// lane runs pieces one after another, beside other lanes on the same native
// session. What it has learnt of the outputs' shapes stays with it.
type lane struct {
	s       *Session
	outputs []*output
	cut     []Value // the piece's inputs
	shapes  [][]int64
	padding [][]byte
	kept    []kept // native tensors of small inputs, one an input
	in, out []ortc.Value
	pieces  []int // numbers of those it ran, ascending
	err     error // of the last of them
}

// maxKept is the size in bytes of an input's piece up to which copying it into
// a tensor that is there is cheaper than making one over it.
const maxKept = 64 << 10

func newLane(s *Session) *lane {
	l := &lane{s: s}
	for _, info := range s.infos {
		l.outputs = append(l.outputs, newOutput(info))
	}
	n := len(s.inputs)
	l.cut, l.shapes, l.padding, l.kept = make([]Value, n), make([][]int64, n), make([][]byte, n), make([]kept, n)
	l.in, l.out = make([]ortc.Value, n), make([]ortc.Value, len(l.outputs))
	return l
}

func (l *lane) reset() {
	for _, o := range l.outputs {
		o.reset()
	}
	l.pieces, l.err = l.pieces[:0], nil
}

func (l *lane) free() {
	for i := range l.kept {
		l.kept[i].free()
	}
	for _, o := range l.outputs {
		o.kept.free()
	}
}

// runPieces runs the pieces of rows rows on as many lanes as there are, each
// taking the next piece when it is done with one, and returns the outputs
// joined in the order of the pieces. Of several errors the one of the first
// piece counts.
func (s *Session) runPieces(inputs []Value, rows int64) ([]*output, error) {
	// No rows still ask for one piece: its shape is that of the result.
	n := max(1, int((rows+s.batch-1)/s.batch))
	lanes := s.lanes[:min(n, len(s.lanes))]
	var next atomic.Int64
	var failed atomic.Bool
	var others sync.WaitGroup
	for i, l := range lanes {
		l.reset()
		if i > 0 {
			others.Go(func() { l.work(inputs, rows, n, &next, &failed) })
		}
	}
	lanes[0].work(inputs, rows, n, &next, &failed)
	others.Wait()
	if failed.Load() {
		first := (*lane)(nil)
		for _, l := range lanes {
			if l.err != nil && (first == nil || l.pieces[len(l.pieces)-1] < first.pieces[len(first.pieces)-1]) {
				first = l
			}
		}
		return nil, first.err
	}
	if len(lanes) == 1 {
		return lanes[0].outputs, nil
	}
	return s.joinLanes(lanes, n)
}

// work runs pieces until there are none or one fails.
func (l *lane) work(inputs []Value, rows int64, n int, next *atomic.Int64, failed *atomic.Bool) {
	for !failed.Load() {
		p := int(next.Add(1)) - 1
		if p >= n {
			return
		}
		l.pieces = append(l.pieces, p)
		for i := range inputs {
			l.cut[i] = l.slice(i, inputs[i], int64(p)*l.s.batch, rows)
		}
		if l.err = l.piece(l.cut, l.s.batch); l.err != nil {
			failed.Store(true)
			return
		}
	}
}

// joinLanes puts n pieces in their order.
func (s *Session) joinLanes(lanes []*lane, n int) ([]*output, error) {
	type place struct{ lane, at int }
	places := make([]place, n)
	for i, l := range lanes {
		for at, p := range l.pieces {
			places[p] = place{i, at}
		}
	}
	for i, o := range s.joined {
		o.reset()
		for _, p := range places {
			if err := o.takePiece(lanes[p.lane].outputs[i], p.at, s.batch); err != nil {
				return nil, s.outputFault(o, err)
			}
		}
	}
	return s.joined, nil
}

// slice is rows [at, at+batch) of input i, the last row repeated past the end.
// With no rows at all it is zeros.
func (l *lane) slice(i int, v Value, at, rows int64) Value {
	s := l.s
	if !s.isCut(i, v) {
		return v
	}
	shape := append(l.shapes[i][:0], v.Shape...)
	l.shapes[i] = shape
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
	pad := grow(l.padding[i][:0], int(s.batch*per))
	l.padding[i] = pad
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

// feed is the native value of input i.
func (l *lane) feed(i int, v Value, pin *runtime.Pinner) (ortc.Value, error) {
	if v.DType == onnx.String || len(v.Shape) == 0 || len(v.Data) == 0 || len(v.Data) > maxKept {
		return tensor(v, pin)
	}
	k := &l.kept[i]
	k.next = append(k.next[:0], v.Shape...)
	t, err := k.tensor(v.DType, len(v.Data))
	if err == nil {
		copy(k.data, v.Data)
	}
	return t, err
}

// piece runs the native session once and hands each output its part. Outputs
// of foreseeable shape are written by native code into our memory. A guess
// that turns out wrong is corrected and the piece run again, a few times at
// most: shapes settle in the first batch.
func (l *lane) piece(inputs []Value, lead int64) error {
	s := l.s
	var pin runtime.Pinner
	defer pin.Unpin()
	defer func() {
		for i, v := range l.in {
			if v != nil && !l.kept[i].is(v) {
				v.Destroy()
			}
		}
		clear(l.in)
	}()
	for i, v := range inputs {
		t, err := l.feed(i, v, &pin)
		if err != nil {
			return fault.New(fault.Input, s.model, fmt.Sprintf("input %q", s.inputs[i].Name), "%s", cleanText(err.Error()))
		}
		l.in[i] = t
	}
	err := l.attempt(lead)
	for range 2*len(l.outputs) + 1 {
		if err == nil || isFault(err) || !l.correct(err, lead) {
			break
		}
		err = l.attempt(lead)
	}
	if err != nil && !isFault(err) {
		err = l.attemptAutomatic(lead, err)
	}
	if err != nil && !isFault(err) {
		return fault.New(fault.Input, s.model, "", "ONNX Runtime cannot run the model on %s: %s", s.describeInputs(inputs), cleanText(err.Error()))
	}
	return err
}

// attemptAutomatic runs with no guesses at all after an attempt failed for a
// reason that correct does not know. If that helps it stays so.
func (l *lane) attemptAutomatic(lead int64, err error) error {
	var changed []*output
	for _, o := range l.outputs {
		if o.mode == given && !o.half() {
			o.mode = automatic
			changed = append(changed, o)
		}
	}
	if changed == nil {
		return err
	}
	if err = l.attempt(lead); err != nil {
		for _, o := range changed {
			o.mode = given
		}
	}
	return err
}

// attempt runs once with the present guesses. An error that is no fault came
// from native code.
func (l *lane) attempt(lead int64) error {
	defer l.release()
	for i, o := range l.outputs {
		t, err := o.prepare(lead)
		if err != nil {
			return l.s.outputFault(o, err)
		}
		if t != nil {
			l.out[i] = t
		}
	}
	if err := l.s.call(l.in, l.out); err != nil {
		return err
	}
	for i, o := range l.outputs {
		if err := o.take(l.out[i], l.s.batch); err != nil {
			return l.s.outputFault(o, err)
		}
	}
	return nil
}

// release frees the native outputs that are not kept.
func (l *lane) release() {
	for i, o := range l.outputs {
		if o.kept.is(l.out[i]) {
			l.out[i] = nil
		}
	}
	destroy(l.out)
	clear(l.out)
}

// correct learns from a failed attempt; false when there is nothing to learn.
func (l *lane) correct(err error, lead int64) bool {
	if errors.Is(err, ortc.ZeroShapeLengthError) {
		// A scalar that the wrapper could not take over.
		for _, o := range l.outputs {
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
	for _, o := range l.outputs {
		if o.mode == given && slices.Equal(o.kept.shape, have) {
			o.learn(want, lead)
			return true
		}
	}
	return false
}
