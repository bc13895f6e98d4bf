package kernel

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// Peak measures the fused multiply-adds that GOMAXPROCS cores do in a second
// together, on registers alone: what no kernel can exceed. It is 0 where there
// is no assembly to measure with.
func Peak() float64 {
	v := variants[0]
	if v.peak == nil {
		return 0
	}
	const rounds, runs = 1 << 15, 20
	cores := runtime.GOMAXPROCS(0)
	times := make([]float64, runs)
	for i := range times {
		var wg sync.WaitGroup
		start := time.Now()
		for range cores {
			wg.Go(func() { v.peak(rounds) })
		}
		wg.Wait()
		times[i] = time.Since(start).Seconds()
	}
	return float64(rounds*v.peakOps*cores) / slices.Min(times)
}
