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
// eight batches. fn must not keep b. The first error stops it.
func Batches(ctx context.Context, src Source, order []int, size int, fn func(rows []int, b *Batch) error) error {
	if size < 1 {
		return fault.New(fault.Usage, "", "batch", "got %d, expected at least 1", size)
	}
	if order == nil {
		order = make([]int, src.Len())
		for i := range order {
			order[i] = i
		}
	}
	n := (len(order) + size - 1) / size
	rows := func(i int) []int { return order[i*size : min((i+1)*size, len(order))] }
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	type slot struct {
		b     Batch
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
					s.err = read(ctx, src, rows(i), &s.b)
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
		if err := fn(rows(i), &s.b); err != nil {
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
