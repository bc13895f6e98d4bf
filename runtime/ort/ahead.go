//go:build cgo && linux

package ort

import (
	"context"
	"fmt"
	"slices"
	"unsafe"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// handed is a run that the process was asked for.
type handed struct {
	inputs []Value
	turn   int  // its regions
	batch  int  // rows of a piece
	stale  bool // its result is of no use any more
}

// RunAhead is Run, and hands next, unless it is nil, to the process meanwhile:
// it goes from one run to the next without waiting for this process. The next
// call should ask for next and must find it unchanged; when it asks for
// something else, next is run for nothing. An error of next is the error of the
// call that asks for it.
func (w *Worker) RunAhead(ctx context.Context, inputs, next []Value) ([]Value, error) {
	c := w.child
	if c == nil {
		return nil, fault.New(fault.Teacher, w.first.Name, "", "the teacher process is not running")
	}
	if err := ctx.Err(); err != nil {
		return nil, w.interrupted(err)
	}
	stage := fmt.Sprintf("at batch %d", w.done+1)
	if c.ahead != nil && (c.ahead.stale || c.ahead.batch != w.batch || !same(c.ahead.inputs, inputs)) {
		if err := w.drop(ctx, &stage); err != nil {
			return nil, err
		}
	}
	run, req := c.ahead, (*request)(nil)
	c.ahead = nil
	if run == nil {
		var err error
		if run, req, err = c.stage(inputs, w.batch); err != nil {
			return nil, fault.New(fault.IO, w.first.Name, "", "%w", err)
		}
	}
	r, err := w.exchange(ctx, req, func() { c.hand(next, w.batch) }, w.options.Timeout, &stage)
	if c.ahead != nil && (err != nil || ctx.Err() != nil) {
		c.ahead.stale = true // it may have got the cancel
	}
	if err != nil {
		return nil, err
	}
	shared, err := get(c.out[run.turn], r.Size, r.Values)
	if err == nil && len(shared) != len(w.ready.Outputs) {
		err = fmt.Errorf("%d outputs, want %d", len(shared), len(w.ready.Outputs))
	}
	if err != nil {
		w.stop()
		return nil, fault.New(fault.Teacher, w.first.Name, "", "the teacher process answered nonsense %s: %w", stage, err)
	}
	w.done++
	return w.keep(shared), nil
}

// drop waits for the run that was handed over and forgets its result.
func (w *Worker) drop(ctx context.Context, stage *string) error {
	w.child.ahead = nil
	_, err := w.exchange(ctx, nil, nil, w.options.Timeout, stage)
	if w.child == nil || ctx.Err() != nil {
		return err
	}
	return nil
}

// stage copies inputs into the region whose turn it is. The run before the
// last one had it, and is over.
func (c *child) stage(inputs []Value, batch int) (*handed, *request, error) {
	run := &handed{inputs: slices.Clone(inputs), turn: c.turn, batch: batch}
	in := c.in[run.turn]
	values, err := put(in, inputs)
	if err != nil {
		return nil, nil, err
	}
	c.turn = 1 - c.turn
	return run, &request{Op: "run", Turn: run.turn, Size: int64(len(in.data)), Batch: batch, Values: values}, nil
}

// hand gives next to the process behind the run under way. It may fail: then
// the call that asks for next meets the reason.
func (c *child) hand(next []Value, batch int) {
	if next == nil {
		return
	}
	run, req, err := c.stage(next, batch)
	if err == nil && send(c.socket, req) == nil {
		c.ahead = run
	}
}

// same tells whether a and b are the same memory under the same types.
func same(a, b []Value) bool {
	return slices.EqualFunc(a, b, func(a, b Value) bool {
		if a.DType != b.DType || !slices.Equal(a.Shape, b.Shape) {
			return false
		}
		if a.DType == onnx.String {
			return len(a.Strings) == len(b.Strings) && unsafe.SliceData(a.Strings) == unsafe.SliceData(b.Strings)
		}
		return len(a.Data) == len(b.Data) && unsafe.SliceData(a.Data) == unsafe.SliceData(b.Data)
	})
}
