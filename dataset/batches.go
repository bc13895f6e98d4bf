package dataset

import (
	"context"
	"runtime"
	"sync"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// maxAhead bounds the batches that are read before they are asked for.
const maxAhead = 8

// Batches reads the rows of order (nil: all rows from first to last) in
// batches of size, the last one smaller, and calls fn with the positions and
// values of each, in order. Reading runs ahead of fn on other cores by at most
// eight batches. fn must not keep b or, without an order, rows. The first error
// stops it.
func Batches(ctx context.Context, src Source, order []int, size int, fn func(rows []int, b *Batch) error) error {
	if size < 1 {
		return fault.New(fault.Usage, "", "batch", "got %d, expected at least 1", size)
	}
	total := len(order)
	if order == nil {
		total = src.Len()
	}
	type batch struct {
		rows []int
		b    Batch
	}
	fill := func(ctx context.Context, i int, s *batch) error {
		from, to := i*size, min((i+1)*size, total)
		if order != nil {
			s.rows = order[from:to]
		} else {
			s.rows = upTo(s.rows, from, to)
		}
		return read(ctx, src, s.rows, &s.b)
	}
	return inOrder(ctx, (total+size-1)/size, fill, func(_ int, s *batch) error { return fn(s.rows, &s.b) })
}

// upTo is the positions from to to-1, in the memory of rows.
func upTo(rows []int, from, to int) []int {
	rows = rows[:0]
	for i := from; i < to; i++ {
		rows = append(rows, i)
	}
	return rows
}

// inOrder calls work for 0 to n-1 on all cores, each call with one of a few
// slots for what it makes, and take with the same slots in order. Work runs
// ahead of take by at most maxAhead. The first error in that order stops it.
func inOrder[S any](ctx context.Context, n int, work func(ctx context.Context, i int, s *S) error, take func(i int, s *S) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	type slot struct {
		s     S
		err   error
		ready chan struct{}
	}
	workers := min(n, runtime.GOMAXPROCS(0), maxAhead)
	slots := make([]slot, min(n, workers+1, maxAhead))
	for i := range slots {
		slots[i].ready = make(chan struct{}, 1)
	}
	jobs := make(chan int, len(slots))
	var done sync.WaitGroup
	defer done.Wait()
	defer cancel()
	defer close(jobs)
	for range workers {
		done.Go(func() {
			for i := range jobs {
				s := &slots[i%len(slots)]
				if s.err = ctx.Err(); s.err == nil {
					s.err = work(ctx, i, &s.s)
				}
				s.ready <- struct{}{}
			}
		})
	}
	for i := range slots {
		jobs <- i
	}
	for i := range n {
		s := &slots[i%len(slots)]
		<-s.ready
		if s.err != nil {
			return s.err
		}
		if err := take(i, &s.s); err != nil {
			return err
		}
		if next := i + len(slots); next < n {
			jobs <- next
		}
	}
	return ctx.Err()
}

// read is src.Read whose panic is an error: on a goroutine of its own it would
// end the process.
func read(ctx context.Context, src Source, rows []int, b *Batch) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.IO, "", "", "internal error: %v", p)
		}
	}()
	return src.Read(ctx, rows, b)
}
