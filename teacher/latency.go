package teacher

import (
	"context"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// Latency is how long the detected model takes for the first raw row of rows,
// each time measured for about as long as is allowed: on as many threads as
// Options says, and on one. That of models that run one after the other is the
// sum of theirs, and zero where the runner cannot tell. The model is open as
// it was afterwards.
func (t *Teacher) Latency(ctx context.Context, rows *dataset.Batch, allowed time.Duration) (l [2]ort.Latency, err error) {
	c := t.contract
	if c == nil {
		return l, fault.New(fault.Usage, t.path, "", "not known yet what the teacher wants: detect it first")
	}
	var b encoded
	if err := t.encode.encode(&b, someOf(rows, 0, 1)); err != nil {
		return l, err
	}
	before := t.opened
	batch := c.FixedBatch
	if c.Single {
		batch = before.Batch
	}
	for i, threads := range []int{t.o.Threads, 1} {
		o := before
		o.Threads, o.Lanes, o.Batch = threads, 0, batch
		if !sameOptions(o, t.opened) {
			if err := t.reopen(ctx, o); err != nil {
				return l, err
			}
		}
		if l[i], err = t.time(ctx, c, &b, allowed); err != nil {
			break
		}
	}
	if !sameOptions(t.opened, before) {
		if again := t.reopen(ctx, before); err == nil {
			err = again
		}
	}
	return l, err
}

// time times the model on one encoded row.
func (t *Teacher) time(ctx context.Context, c *Contract, b *encoded, allowed time.Duration) (l ort.Latency, err error) {
	timer, ok := t.runner.(timer)
	if !ok {
		return l, nil
	}
	if !c.Single {
		return timer.Time(ctx, b.values, allowed)
	}
	_, err = t.single(ctx, b, 1, func(one []ort.Value) ([]ort.Value, error) {
		l, err = timer.Time(ctx, one, allowed)
		return nil, err
	})
	return l, err
}

// timer is a runner that can say how long a call takes.
type timer interface {
	Time(ctx context.Context, in []ort.Value, allowed time.Duration) (ort.Latency, error)
}

// Time sums up the latencies of the models, each on what the one before gives.
func (c *chain) Time(ctx context.Context, inputs []ort.Value, allowed time.Duration) (sum ort.Latency, err error) {
	for i, l := range c.links {
		if i > 0 {
			inputs = l.taken(inputs)
		}
		timer, ok := l.runner.(timer)
		if !ok {
			return ort.Latency{}, nil
		}
		one, err := timer.Time(ctx, inputs, allowed/time.Duration(len(c.links)))
		if err != nil {
			return sum, err
		}
		sum = sumOf(sum, one)
		if inputs, err = l.runner.Run(ctx, inputs); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// sumOf is the latency of two models that run one after the other.
func sumOf(a, b ort.Latency) ort.Latency {
	return ort.Latency{Calls: a.Calls + b.Calls, Median: a.Median + b.Median, P95: a.P95 + b.P95}
}

// Latency sums up those of the members, which run one after the other.
func (e *Ensemble) Latency(ctx context.Context, rows *dataset.Batch, allowed time.Duration) (sum [2]ort.Latency, err error) {
	for _, m := range e.members {
		l, err := m.Latency(ctx, rows, allowed/time.Duration(len(e.members)))
		if err != nil {
			return sum, err
		}
		for i := range sum {
			sum[i] = sumOf(sum[i], l[i])
		}
	}
	return sum, nil
}
