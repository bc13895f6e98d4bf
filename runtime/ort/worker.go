//go:build cgo && linux

package ort

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// Worker runs a model in a process of its own: this program, executed again.
// Whatever native code does there, crash, hang or eat memory, is an error of
// kind Teacher here, and the process is gone with its threads. Tensors cross
// in shared memory.
type Worker struct {
	first   request // what the process is told first
	options WorkerOptions
	child   *child
	ready   reply
	batch   int   // rows of a piece
	done    int   // runs completed: the next is batch done+1
	peak    int64 // largest resident memory of the processes before this one
	results []Value
	buffers [][]byte
}

// StartWorker starts a process that opens the model as Open does. ctx bounds
// the start only. The program must call MaybeServeWorker first in main.
//
// Beside the faults of Open, a process that dies or is not ready in time is a
// Teacher fault.
func StartWorker(ctx context.Context, modelPath string, o Options, w WorkerOptions) (*Worker, error) {
	abs, err := filepath.Abs(modelPath)
	if err != nil {
		return nil, fault.New(fault.IO, modelPath, "", "cannot be resolved: %s", reason(err))
	}
	return startWorker(ctx, request{Name: modelPath, Path: abs}, o, w)
}

// startWorker starts a worker for the model that first names.
func startWorker(ctx context.Context, first request, o Options, w WorkerOptions) (*Worker, error) {
	if w.Timeout < 0 || w.MemoryLimit < 0 {
		return nil, fault.New(fault.Usage, first.Name, "options", "timeout %v and memory limit %d, wanted neither negative", w.Timeout, w.MemoryLimit)
	}
	lib, err := Find(o.Library)
	if err != nil {
		return nil, err
	}
	first.Op, first.Options, first.Library = "open", o, lib
	out := &Worker{first: first, options: w}
	if err := out.start(ctx); err != nil {
		return nil, err
	}
	return out, nil
}

// openTimeout is the time that opening may take, 0 without end.
func (w *Worker) openTimeout() time.Duration {
	if w.options.Timeout == 0 {
		return 0
	}
	return max(10*w.options.Timeout, time.Minute)
}

// start starts the process and waits until the model is open.
func (w *Worker) start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return w.interrupted(err)
	}
	c, err := startChild(w.options)
	if err != nil {
		return err
	}
	w.child = c
	return w.openModel(ctx)
}

// openModel has the process open the model, in place of what it has open. A
// process without a model is of no use and ended.
func (w *Worker) openModel(ctx context.Context) error {
	stage := "while loading " + w.first.Library.Path
	r, err := w.exchange(ctx, &w.first, nil, w.openTimeout(), &stage)
	if err != nil {
		w.stop()
		return err
	}
	w.ready, w.batch, w.buffers = r, w.first.Options.Batch, nil
	return nil
}

// Reopen opens the model anew with other options, in the same process where
// there is one: the library stays, whatever o says of it.
func (w *Worker) Reopen(ctx context.Context, o Options) error {
	w.first.Options = o
	if w.child == nil || w.child.ahead != nil {
		return w.Restart(ctx)
	}
	if err := ctx.Err(); err != nil {
		return w.interrupted(err)
	}
	return w.openModel(ctx)
}

// exchange sends a request, unless it is nil for one sent before, calls then,
// unless it is nil, and waits for the last reply to the request. An error of
// the worker's own leaves the process alive; any other kills it. stage says in
// errors what it was doing, and moves on when the library is loaded.
func (w *Worker) exchange(ctx context.Context, req *request, then func(), limit time.Duration, stage *string) (reply, error) {
	c := w.child
	if limit > 0 {
		timer := time.AfterFunc(limit, func() { c.kill(fmt.Sprintf("no answer after %v", limit)) })
		defer timer.Stop()
	}
	sent := make(chan struct{})
	release := w.cancelOn(ctx, c, sent, req == &w.first)
	defer release()
	var err error
	if req != nil {
		err = send(c.socket, req)
	}
	close(sent)
	if err == nil && then != nil {
		then()
	}
	for err == nil {
		var r reply
		if err = receive(c.reader, &r); err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				c.kill("teacher process killed: it gave an unreadable answer")
			}
			break
		}
		switch r.Event {
		case "library":
			w.first.Library.Version = r.Library.Version
			*stage = "while opening the model"
		case "failed":
			if r.Fault == nil {
				r.Fault = &wireFault{Kind: fault.Teacher, Path: w.first.Name, Msg: "the worker failed without a reason"}
			}
			if ctx.Err() != nil {
				return reply{}, w.interrupted(ctx.Err())
			}
			return reply{}, r.Fault.err()
		case "ready", "done":
			return r, nil
		default:
			c.kill("teacher process killed: it gave an unknown answer")
			err = fmt.Errorf("event %q", r.Event)
		}
	}
	// The process is dead or babbles: end it and say why.
	how, last := c.end()
	w.leave(c)
	if ctx.Err() != nil {
		return reply{}, w.interrupted(ctx.Err())
	}
	if last != "" {
		last = ": " + last
	}
	return reply{}, fault.New(fault.Teacher, w.first.Name, "", "%s %s%s", how, *stage, last)
}

// cancelOn stops what the process does when ctx ends: a run by asking, the
// opening and a run that does not listen by killing. The returned function
// undoes it and must be called before the next request.
func (w *Worker) cancelOn(ctx context.Context, c *child, sent <-chan struct{}, opening bool) func() {
	if ctx.Done() == nil {
		return func() {}
	}
	finished := make(chan struct{})
	var grace *time.Timer
	stop := context.AfterFunc(ctx, func() {
		defer close(finished)
		patience := cancelGrace
		if opening {
			patience = 0
		}
		grace = time.AfterFunc(patience, func() { c.kill("cancelled") })
		if !opening {
			c.cancel(sent)
		}
	})
	return func() {
		if !stop() {
			<-finished
			grace.Stop()
		}
	}
}

func (w *Worker) interrupted(err error) error {
	return fault.New(fault.Interrupted, w.first.Name, "", "run stopped: %w", err)
}

// Run implements Runner. The results are copies that the next Run overwrites.
// After a fault of kind Teacher the process is gone: Restart it and run the
// same batch again, or give up.
func (w *Worker) Run(ctx context.Context, inputs []Value) ([]Value, error) {
	return w.RunAhead(ctx, inputs, nil)
}

// keep copies results out of the shared region, into buffers that are reused:
// a caller who holds on to them for too long reads old numbers instead of
// memory that is gone.
func (w *Worker) keep(shared []Value) []Value {
	if w.buffers == nil {
		w.buffers = make([][]byte, len(shared))
	}
	w.results = w.results[:0]
	for i, v := range shared {
		if v.DType != onnx.String {
			w.buffers[i] = grow(w.buffers[i][:0], len(v.Data))
			copy(w.buffers[i], v.Data)
			v.Data = w.buffers[i]
		}
		w.results = append(w.results, v)
	}
	return w.results
}

// Restart ends the process, if it is still there, and starts a fresh one on
// the same model and library. The count of batches goes on.
func (w *Worker) Restart(ctx context.Context) error {
	w.stop()
	return w.start(ctx)
}

// stop kills the process and frees what it shares.
func (w *Worker) stop() {
	if c := w.child; c != nil {
		c.end()
		w.leave(c)
	}
}

// leave forgets a process that has ended.
func (w *Worker) leave(c *child) {
	w.peak = max(w.peak, c.peak.Load())
	w.child = nil
}

// Recut implements Recutter.
func (w *Worker) Recut(batch int) { w.batch = max(0, batch) }

// Memory is the resident memory of the process in bytes, 0 when it is not
// running, and the largest that it or one before it had.
func (w *Worker) Memory() (now, peak int64) {
	c := w.child
	if c == nil {
		return 0, w.peak
	}
	now, _ = residentBytes(c.cmd.Process.Pid) // 0 of one that has just ended
	return now, max(w.peak, now, c.peak.Load(), peakBytes(c.cmd.Process.Pid))
}

// Close kills the process with its threads.
func (w *Worker) Close() error {
	w.stop()
	return nil
}

// Inputs lists the inputs in the order Run takes them.
func (w *Worker) Inputs() []Info { return w.ready.Inputs }

// Outputs lists the outputs in the order Run returns them.
func (w *Worker) Outputs() []Info { return w.ready.Outputs }

// Provider is the execution provider in use: "cpu" or "cuda:N".
func (w *Worker) Provider() string { return w.ready.Provider }

// Notes lists what the user should know, such as a fallback to the CPU.
func (w *Worker) Notes() []string { return slices.Clone(w.ready.Notes) }

// Library is the library that the process has loaded.
func (w *Worker) Library() Library { return w.first.Library }

// Pid is the process's number, 0 when it is not running.
func (w *Worker) Pid() int {
	if w.child == nil {
		return 0
	}
	return w.child.cmd.Process.Pid
}

var (
	_ Runner = (*Session)(nil)
	_ Runner = (*Worker)(nil)
)
