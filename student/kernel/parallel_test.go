package kernel

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestParallel wants the same pieces, which cover [0,n) once and are not
// smaller than the grain, whatever GOMAXPROCS.
func TestParallel(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range [][2]int{{0, 1}, {1, 1}, {7, 3}, {100, 7}, {5, 0}, {5, 9}} {
		n, grain := c[0], c[1]
		var want [][2]int
		for _, procs := range []int{1, 2, 3, 8} {
			runtime.GOMAXPROCS(procs)
			var mu sync.Mutex
			var got [][2]int
			Parallel(n, grain, func(lo, hi int) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, [2]int{lo, hi})
			})
			slices.SortFunc(got, func(a, b [2]int) int { return a[0] - b[0] })
			end := 0
			for _, p := range got {
				if p[0] != end || p[1]-p[0] < min(grain, n) {
					t.Fatalf("n=%d grain=%d: pieces %v", n, grain, got)
				}
				end = p[1]
			}
			if end != n {
				t.Fatalf("n=%d grain=%d: pieces %v", n, grain, got)
			}
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Fatalf("GOMAXPROCS=%d: pieces %v, with 1 %v", procs, got, want)
			}
		}
	}
}

// TestShare wants each of several callers to have its part of the cores, and
// all of them when the others have left.
func TestShare(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(6))
	var ends []func()
	for i, want := range []int{6, 3, 2, 1, 1, 1, 1} {
		ends = append(ends, Share())
		if got := cores(); got != want {
			t.Errorf("%d callers: %d cores, expected %d", i+1, got, want)
		}
	}
	for _, end := range ends {
		end()
		end()
	}
	if got := cores(); got != 6 {
		t.Errorf("nobody shares: %d cores, expected 6", got)
	}
}

// TestParallelNested wants calls within calls to end.
func TestParallelNested(t *testing.T) {
	x := make([]int, 400)
	Parallel(20, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			Parallel(20, 1, func(lo, hi int) {
				for j := lo; j < hi; j++ {
					x[20*i+j]++
				}
			})
		}
	})
	if i := slices.IndexFunc(x, func(v int) bool { return v != 1 }); i >= 0 {
		t.Errorf("element %d was visited %d times", i, x[i])
	}
}

// TestParallelRousedEarly wants a caller to wait on when a helper of the call
// before, held up on its way out, wakes it.
func TestParallelRousedEarly(t *testing.T) {
	c := crews.New().(*crew)
	c.working.Store(1)
	done := make(chan struct{})
	go func() {
		c.wait()
		close(done)
	}()
	for range 3 {
		for c.parked.Load() != asleep {
			time.Sleep(time.Millisecond)
		}
		c.rouse()
		select {
		case <-done:
			t.Fatal("the call ended with a helper at work")
		case <-time.After(5 * time.Millisecond):
		}
	}
	c.leave()
	<-done
}
