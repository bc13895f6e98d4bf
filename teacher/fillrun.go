package teacher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/teacher/store"
)

// work is one batch on its way to the model.
type work struct {
	rows  []int // positions in the source
	in    encoded
	shard int // index among the missing shards
	last  bool
}

// full is one shard on its way to the disk.
type full struct {
	index  int
	logits []float32
}

// fill has three stages that run side by side: rows are read and encoded, the
// model runs, shards are written. Each waits for the next behind a bounded
// channel, whose buffers come back to be used again.
func (t *Teacher) fill(ctx context.Context, src dataset.Source, w *store.Writer, ids *store.Rows, o FillOptions) error {
	missing := w.Missing()
	t.stats.Rows, t.stats.Seconds = 0, 0
	if len(missing) == 0 {
		return nil
	}
	start := time.Now()
	total := 0
	for _, m := range missing {
		total += m.Len
	}
	sample := w.Positions(nil, missing[0].Index)
	if err := t.tune(ctx, src, sample[:min(len(sample), sampleRows)], total); err != nil {
		return err
	}
	t.stats.Piece, t.stats.Lanes = t.cut.piece, t.cut.lanes
	defer func() { t.stats.Seconds = time.Since(start).Seconds() }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ready, spare := make(chan *work, 3), make(chan *work, 4)
	for range cap(spare) {
		spare <- new(work)
	}
	shards, free := make(chan full, 1), make(chan []float32, 3)
	for range cap(free) {
		free <- nil
	}
	var stages sync.WaitGroup
	chunk := t.cut.chunk
	stages.Go(func() {
		defer close(ready)
		if err := guarded(func() error { return t.readAll(ctx, src, w, missing, chunk, ready, spare) }); err != nil {
			cancel(err)
		}
	})
	stages.Go(func() {
		failed := false
		for s := range shards { // a complete one is kept whatever happens after it
			if !failed {
				if err := guarded(func() error { return w.WriteShard(s.index, s.logits) }); err != nil {
					failed = true
					cancel(err)
				}
			}
			free <- s.logits
		}
	})
	err := t.runAll(ctx, src, missing, ids, ready, spare, shards, free, o)
	if err != nil {
		cancel(err)
	}
	close(shards)
	for range ready { // let the reader see the cancellation
	}
	stages.Wait()
	return context.Cause(ctx)
}

// readAll encodes the batches of all missing shards, of chunk rows. A batch
// never spans two shards, so that a resumed run cuts the same batches.
func (t *Teacher) readAll(ctx context.Context, src dataset.Source, w *store.Writer, missing []store.ShardRange, chunk int, ready chan<- *work, spare <-chan *work) error {
	for n, m := range missing {
		left := m.Len
		err := dataset.Batches(ctx, src, w.Positions(nil, m.Index), chunk, func(rows []int, b *dataset.Batch) error {
			var k *work
			select {
			case k = <-spare:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			left -= len(rows)
			k.rows, k.shard, k.last = rows, n, left == 0
			if err := t.encode.encode(&k.in, b); err != nil {
				return t.badRow(err, b, func(i int) int { _, at := dataset.Origin(src, rows[i]); return at })
			}
			select {
			case ready <- k:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// runAll runs every batch, the next one in hand already so that the runner can
// go straight on to it, and hands over each shard when it is full.
func (t *Teacher) runAll(ctx context.Context, src dataset.Source, missing []store.ShardRange, ids *store.Rows,
	ready <-chan *work, spare chan<- *work, shards chan<- full, free <-chan []float32, o FillOptions) error {
	c, d := t.contract, t.contract.decoder()
	total, done, batch := 0, 0, 0
	for _, m := range missing {
		total += m.Len
	}
	var raw, logits []float32
	var next *work
	for k := <-ready; k != nil; k = next {
		next = <-ready
		if logits == nil {
			logits = <-free
			if logits == nil {
				logits = make([]float32, 0, missing[k.shard].Len*c.Classes)
			}
			logits = logits[:0]
		}
		batch++
		n := len(k.rows)
		name := fmt.Sprintf("batch %d (rows %d to %d of shard %d)", batch, len(logits)/c.Classes, len(logits)/c.Classes+n-1, missing[k.shard].Index)
		var err error
		rowName := func(r int) string {
			_, at := dataset.Origin(src, k.rows[r])
			id, err := ids.ID(k.rows[r])
			if err != nil {
				return fmt.Sprintf("row %d", at)
			}
			return fmt.Sprintf("row %d (%v)", at, id)
		}
		if raw, err = t.runWork(ctx, c, raw[:0], k, next, d.raw, rowName); err != nil {
			return inBatch(ctx, name, err)
		}
		t.reportRestarts(name, o)
		at := len(logits)
		logits = append(logits, make([]float32, n*c.Classes)...)
		if bad := d.logits(logits[at:], raw, n); bad >= 0 {
			id, err := ids.ID(k.rows[bad])
			if err != nil {
				return err
			}
			_, row := dataset.Origin(src, k.rows[bad])
			return t.notFinite(id, row)
		}
		done += n
		t.stats.Rows = done
		last, shard := k.last, k.shard
		spare <- k
		if last {
			select {
			case shards <- full{missing[shard].Index, logits}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			logits = nil
		}
		if o.Progress != nil {
			o.Progress(done, total)
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// guarded turns a panic of f into an error: on a goroutine of its own it would
// end the process.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.IO, "", "", "internal error: %v", p)
		}
	}()
	return f()
}

// inBatch names the batch in a worker's death.
func inBatch(ctx context.Context, batch string, err error) error {
	var f *fault.Error
	if ctx.Err() == nil && errors.As(err, &f) && f.Kind == fault.Teacher {
		return &fault.Error{Kind: f.Kind, Path: f.Path, Field: batch, Msg: f.Msg, Err: err}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// reportRestarts hands on what run mended.
func (t *Teacher) reportRestarts(batch string, o FillOptions) {
	for _, err := range t.restarts {
		if o.Restarted != nil {
			o.Restarted(batch, err)
		}
	}
	t.restarts = nil
}
