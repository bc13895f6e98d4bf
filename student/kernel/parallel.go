package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Grain is the number of values of a loop over memory that are worth a piece
// of their own.
const Grain = 1 << 14

// Parallel calls f on fixed consecutive pieces of [0,n) of at least grain
// elements, on up to GOMAXPROCS goroutines, or the caller's part of them (see
// Share). The cut points depend only on n and grain; f must write disjoint
// results.
func Parallel(n, grain int, f func(lo, hi int)) {
	if n <= 0 {
		return
	}
	pieces := max(1, n/max(1, grain))
	workers := min(cores(), pieces)
	if workers == 1 {
		for p := range pieces {
			f(p*n/pieces, (p+1)*n/pieces)
		}
		return
	}
	c := crews.Get().(*crew)
	c.n, c.pieces, c.f = n, pieces, f
	c.next.Store(0)
	asked := c.hire(workers - 1)
	c.share()
	c.dismiss(asked)
	c.wait()
	c.f = nil
	crews.Put(c)
}

// sharers is how many callers divide the cores among them.
var sharers atomic.Int32

// Share counts its caller among those that divide the cores, such as trainings
// beside one another, until it calls end: each call of Parallel takes GOMAXPROCS
// over their number, one core at least. Results do not depend on it.
func Share() (end func()) {
	sharers.Add(1)
	return sync.OnceFunc(func() { sharers.Add(-1) })
}

// cores is the part of one caller.
func cores() int { return max(1, runtime.GOMAXPROCS(0)/max(1, int(sharers.Load()))) }

// A crew is one call of Parallel; it is kept, so that a call allocates nothing.
type crew struct {
	n, pieces int
	f         func(lo, hi int)
	next      atomic.Int64
	working   atomic.Int32 // helpers that have not finished
	parked    atomic.Int32 // of the caller: one of the states below
	wake      chan struct{}
}

// States of a caller that waits for its helpers.
const (
	awake = iota
	asleep
	woken
)

var crews = sync.Pool{New: func() any { return &crew{wake: make(chan struct{}, 1)} }}

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

// A helper is a goroutine that stays awake for a moment after its work: the
// next call of Parallel is often that near, and waking a sleeping thread takes
// longer than many a call. Its post is nil when there is no goroutine, idle
// when it looks for work, busy, or the crew that it is to join.
type helper struct {
	post atomic.Pointer[crew]
	run  func()
	_    [64]byte // a cache line of its own
}

var (
	idle, busy = new(crew), new(crew)
	helpers    [64]helper
)

// awakeFor is how long a helper, and a caller whose helpers are still at work,
// looks on before it goes to sleep.
const awakeFor = 100 * time.Microsecond

func init() {
	for i := range helpers {
		h := &helpers[i]
		h.run = h.loop
	}
}

// hire asks up to n helpers to join, and returns how many slots it asked.
func (c *crew) hire(n int) (asked int) {
	for asked < min(len(helpers), runtime.GOMAXPROCS(0)-1) && n > 0 {
		h := &helpers[asked]
		asked++
		switch post := h.post.Load(); {
		case post == idle && h.post.CompareAndSwap(idle, c):
			c.working.Add(1)
			n--
		case post == nil && h.post.CompareAndSwap(nil, c):
			c.working.Add(1)
			n--
			go h.run()
		}
	}
	return asked
}

// dismiss takes back what no helper has begun with.
func (c *crew) dismiss(asked int) {
	for i := range asked {
		if helpers[i].post.CompareAndSwap(c, idle) {
			c.working.Add(-1)
		}
	}
}

// loop is a helper's life.
func (h *helper) loop() {
	for {
		c := h.look()
		if c == nil {
			return
		}
		c.share()
		h.post.Store(idle)
		c.leave()
	}
}

// look waits a moment for a crew, and is nil when none has come.
func (h *helper) look() *crew {
	start := time.Time{}
	for i := 1; ; i++ {
		if c := h.post.Load(); c != idle {
			if h.post.CompareAndSwap(c, busy) {
				return c
			}
			continue
		}
		if i%64 != 0 {
			continue
		}
		runtime.Gosched()
		if start.IsZero() {
			start = time.Now()
		} else if time.Since(start) > awakeFor && h.post.CompareAndSwap(idle, nil) {
			return nil
		}
	}
}

// leave tells the caller that a helper has finished.
func (c *crew) leave() {
	if c.working.Add(-1) == 0 {
		c.rouse()
	}
}

// rouse wakes a caller that is asleep.
func (c *crew) rouse() {
	if c.parked.CompareAndSwap(asleep, woken) {
		c.wake <- struct{}{}
	}
}

// wait returns when all helpers have finished.
func (c *crew) wait() {
	start := time.Time{}
	for i := 1; c.working.Load() > 0; i++ {
		if i%64 != 0 {
			continue
		}
		runtime.Gosched()
		if start.IsZero() {
			start = time.Now()
		} else if time.Since(start) > awakeFor {
			c.sleep()
			break
		}
	}
}

// sleep is wait without looking on. A wake-up may be meant for an earlier call
// of the same crew: a helper's last word can come after its work was seen to
// be done.
func (c *crew) sleep() {
	for c.working.Load() > 0 {
		c.parked.Store(asleep)
		if c.working.Load() > 0 || !c.parked.CompareAndSwap(asleep, awake) {
			<-c.wake
		}
		c.parked.Store(awake)
	}
}
