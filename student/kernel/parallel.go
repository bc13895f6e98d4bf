package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Parallel calls f on fixed consecutive pieces of [0,n) of at least grain
// elements, on up to GOMAXPROCS goroutines. The cut points depend only on n
// and grain; f must write disjoint results.
func Parallel(n, grain int, f func(lo, hi int)) {
	if n <= 0 {
		return
	}
	pieces := max(1, n/max(1, grain))
	workers := min(runtime.GOMAXPROCS(0), pieces)
	if workers == 1 {
		for p := range pieces {
			f(p*n/pieces, (p+1)*n/pieces)
		}
		return
	}
	c := crews.Get().(*crew)
	c.n, c.pieces, c.f = n, pieces, f
	c.next.Store(0)
	c.wg.Add(workers - 1)
	for range workers - 1 {
		go c.work()
	}
	c.share()
	c.wg.Wait()
	c.f = nil
	crews.Put(c)
}

// A crew is one call of Parallel; it is kept, so that a call allocates nothing.
type crew struct {
	n, pieces int
	f         func(lo, hi int)
	next      atomic.Int64
	wg        sync.WaitGroup
	work      func()
}

var crews = sync.Pool{New: func() any {
	c := new(crew)
	c.work = func() {
		defer c.wg.Done()
		c.share()
	}
	return c
}}

// share calls f on the pieces that nobody has taken yet.
func (c *crew) share() {
	for {
		p := int(c.next.Add(1)) - 1
		if p >= c.pieces {
			return
		}
		c.f(p*c.n/c.pieces, (p+1)*c.n/c.pieces)
	}
}
