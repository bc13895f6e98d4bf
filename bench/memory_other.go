//go:build !linux

package bench

// peakMemory is 0 where it is not known.
func peakMemory() float64 { return 0 }
