package bench

import "golang.org/x/sys/unix"

// peakMemory is the largest resident size of the process so far, in MiB.
func peakMemory() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Maxrss) / 1024 // KiB
}
