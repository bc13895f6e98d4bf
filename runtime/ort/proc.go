package ort

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// residentBytes is the resident memory of a process: the second number of
// /proc/PID/statm, in pages.
func residentBytes(pid int) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(raw)
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm of process %d: no resident size", pid)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// peakBytes is the largest resident memory that a process has had, 0 when it
// cannot be read.
func peakBytes(pid int) int64 {
	return numberAfter(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:") << 10
}

// numberAfter is the number after name in a file of lines of a name and a number,
// 0 when it is not there.
func numberAfter(path, name string) int64 {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}

// FreeMemory is how many bytes of memory this process and its children can
// take before the machine swaps or their control group is full; 0 when the
// system does not say.
func FreeMemory() int64 {
	free := int64(math.MaxInt64)
	if n := numberAfter("/proc/meminfo", "MemAvailable:"); n > 0 {
		free = n << 10
	}
	if raw, err := os.ReadFile("/proc/self/cgroup"); err == nil {
		free = min(free, groupFree("/sys/fs/cgroup", string(raw)))
	}
	if free == math.MaxInt64 {
		return 0
	}
	return free
}

// groupFree is what is left in the control groups that groups, the text of
// /proc/self/cgroup, names below root: those of version 2 and of the memory
// controller of version 1, each with those above it.
func groupFree(root, groups string) int64 {
	free := int64(math.MaxInt64)
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, limit, usage, cache := root, "memory.max", "memory.current", "inactive_file"
		if parts[1] == "memory" {
			base, limit, usage, cache = filepath.Join(root, "memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
		} else if parts[1] != "" {
			continue
		}
		for at := filepath.Clean("/" + parts[2]); ; at = filepath.Dir(at) {
			dir := filepath.Join(base, at)
			if most, ok := number(filepath.Join(dir, limit)); ok {
				used, _ := number(filepath.Join(dir, usage))
				free = min(free, max(0, most-used+numberAfter(filepath.Join(dir, "memory.stat"), cache)))
			}
			if at == "/" {
				break
			}
		}
	}
	return free
}

// number reads a file that holds one number; "max" and files that are not
// there are none.
func number(path string) (int64, bool) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
	return n, err == nil
}
