//go:build cgo && linux

package ort

import (
	"context"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// Time implements Timer.
func (s *Session) Time(ctx context.Context, inputs []Value, allowed time.Duration) (Latency, error) {
	l, err := Measure(ctx, allowed, func() error {
		_, err := s.Run(ctx, inputs)
		return err
	})
	if err != nil && ctx.Err() != nil {
		return l, s.cancelled(ctx.Err())
	}
	return l, err
}

// Time implements Timer: what is timed are the calls in the process, not the
// way there.
func (w *Worker) Time(ctx context.Context, inputs []Value, allowed time.Duration) (Latency, error) {
	c := w.child
	if c == nil {
		return Latency{}, fault.New(fault.Teacher, w.first.Name, "", "the teacher process is not running")
	}
	if err := ctx.Err(); err != nil {
		return Latency{}, w.interrupted(err)
	}
	stage := "while it was timed"
	if c.ahead != nil {
		if err := w.drop(ctx, &stage); err != nil {
			return Latency{}, err
		}
	}
	_, req, err := c.stage(inputs, w.batch)
	if err != nil {
		return Latency{}, fault.New(fault.IO, w.first.Name, "", "%w", err)
	}
	req.Op, req.Allowed = "time", allowed
	limit := w.options.Timeout
	if limit > 0 {
		limit = allowed + (minCalls+2)*limit
	}
	r, err := w.exchange(ctx, req, nil, limit, &stage)
	return r.Latency, err
}

var (
	_ Timer = (*Session)(nil)
	_ Timer = (*Worker)(nil)
)
