package teacher

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// onlinePiece is the number of rows of a native call where a model takes any: a
// mini-batch is a few of them, which run side by side.
const onlinePiece = 32

// OnlineOptions say how a model answers while a student trains.
type OnlineOptions struct {
	Rows      int                           // of the largest mini-batch
	Restarted func(batch string, err error) // called when the worker died on a mini-batch and a restart helped; may be nil
}

// Online opens the model for Answer, in place of how Detect or Fill left it. The
// rows of a mini-batch are cut into pieces of one size, the last one padded,
// that run in lanes of one thread each. What is run depends on the contract and
// --teacher-batch, and not on the number of cores.
func (t *Teacher) Online(ctx context.Context, o OnlineOptions) error {
	if err := t.detected(); err != nil {
		return err
	}
	if o.Rows < 1 {
		return fault.New(fault.Usage, t.path, "online", "got mini-batches of %d rows, expected at least 1", o.Rows)
	}
	t.seen, t.careful, t.restarts, t.online = nil, false, nil, o
	c := t.contract
	t.cut = cut{piece: c.Batch, lanes: 1, chunk: c.Batch}
	switch {
	case c.FixedBatch > 0:
		t.cut.piece = c.FixedBatch
	case t.o.Batch == 0:
		t.cut.piece = min(c.Batch, onlinePiece)
	}
	recut, ok := t.runner.(ort.Recutter)
	if !ok || c.Single || c.FixedBatch == 0 && slices.ContainsFunc(t.encode.plan.feeds, func(f feed) bool { return f.value != nil && !f.value.axis }) {
		return nil // as Fill does: what is for all rows is not to be cut
	}
	so := t.opened
	so.Batch, so.Lanes, so.Threads = t.cut.piece, 1, t.o.Threads
	pieces := (o.Rows + t.cut.piece - 1) / t.cut.piece
	if c.Provider == "cpu" {
		cores := t.o.Threads
		if cores == 0 {
			cores = runtime.GOMAXPROCS(0)
		}
		so.Lanes, so.Threads = min(cores, pieces, maxLanes), 1
	}
	if !sameOptions(so, t.opened) {
		if err := t.reopen(ctx, so); err != nil {
			return err
		}
	}
	recut.Recut(t.cut.piece)
	t.cut.lanes, t.cut.chunk = so.Lanes, t.cut.piece*pieces
	t.stats.Piece, t.stats.Lanes = t.cut.piece, t.cut.lanes
	return nil
}

// Answer puts the targets of the rows in b, as Logits describes them, into out,
// (N, Classes). A row that ends the worker process each time is a fault.Teacher
// that names it.
func (t *Teacher) Answer(ctx context.Context, b *dataset.Batch, out []float32) error {
	if t.online.Rows == 0 {
		return fault.New(fault.Usage, t.path, "", "not opened for answering while a student trains")
	}
	c, d := t.contract, t.contract.decoder()
	if n := b.N; len(b.X) != n*t.encode.size || len(b.S) != n*t.encode.texts || len(out) != n*c.Classes {
		panic("teacher: rows are not of the detected Spec or out is not (N, Classes)")
	}
	var k work
	var raw []float32
	for at := 0; at < b.N; at += t.cut.chunk {
		m := min(t.cut.chunk, b.N-at)
		if err := t.encode.encode(&k.in, someOf(b, at, at+m)); err != nil {
			return t.badRow(err, someOf(b, at, at+m), func(i int) int { return at + i })
		}
		k.rows = slices.Grow(k.rows[:0], m)[:m]
		name := func(r int) string { return fmt.Sprintf("row %d (%v) of the mini-batch", at+r, b.ID(at+r)) }
		var err error
		if raw, err = t.runWork(ctx, c, raw[:0], &k, nil, d.raw, name); err != nil {
			return inBatch(ctx, "mini-batch", err)
		}
		t.reportRestarts("mini-batch", FillOptions{Restarted: t.online.Restarted})
		if bad := d.logits(out[at*c.Classes:(at+m)*c.Classes], raw, m); bad >= 0 {
			return t.notFinite(b.ID(at+bad), at+bad)
		}
	}
	return nil
}

// Online opens every member.
func (e *Ensemble) Online(ctx context.Context, o OnlineOptions) error {
	if err := e.detected(); err != nil {
		return err
	}
	for _, m := range e.members {
		if err := m.Online(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// Answer asks every member, and puts what they say together into out.
func (e *Ensemble) Answer(ctx context.Context, b *dataset.Batch, out []float32) error {
	if err := e.detected(); err != nil {
		return err
	}
	for k, m := range e.members {
		e.parts[k] = slices.Grow(e.parts[k][:0], len(out))[:len(out)]
		if err := m.Answer(ctx, b, e.parts[k]); err != nil {
			return err
		}
	}
	e.mix.mix(out, e.parts, b.N, e.contract.Classes)
	return nil
}
