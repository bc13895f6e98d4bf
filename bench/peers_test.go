package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/student/kernel"
)

// peerRounds is how often each side is measured, in turns.
const peerRounds = 3

// coreTypes are what OpenBLAS is told of the processor: nothing, or a kind
// that it has kernels for where it does not know a newer one by name.
var coreTypes = []string{"", "SkylakeX", "Haswell"}

// peerScript is the folder with the scripts that train the same nets in
// PyTorch, from KDONNX_PEERS.
func peerScript(b *testing.B, name string) string {
	b.Helper()
	dir := os.Getenv("KDONNX_PEERS")
	if dir == "" {
		b.Skip("KDONNX_PEERS names no folder with peers: see make bench-peers")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		b.Fatal(err)
	}
	return path
}

// python runs a script of Debian's Python and gives its lines and its peak
// memory in MiB.
func python(b *testing.B, coreType string, args ...string) (lines []string, mib float64) {
	b.Helper()
	cmd := exec.Command("/usr/bin/python3", args...)
	cmd.Env = os.Environ()
	if coreType != "" {
		cmd.Env = append(cmd.Env, "OPENBLAS_CORETYPE="+coreType)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%v: %v: %s", args, err, stderr.String())
	}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		mib = float64(u.Maxrss) / 1024
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), mib
}

// BenchmarkPeers trains the same students here and in PyTorch, in turns, and
// reports medians and their ratio. PyTorch has the best of its thread counts,
// memory formats and BLAS kernels, found in a first round.
func BenchmarkPeers(b *testing.B) {
	script := peerScript(b, "torch_train.py")
	for _, model := range []string{"mlp", "mlp1200", "cnn", "resnet8"} {
		b.Run(model, func(b *testing.B) {
			best, bestType := peerRun{}, ""
			for _, t := range coreTypes {
				for _, r := range peerRuns(b, t, script, model, "2", "1", "2") {
					if r.SamplesPer > best.SamplesPer {
						best, bestType = r, t
					}
				}
			}
			var ours, theirs, ratios, scaling []float64
			memory, peerMemory := 0.0, 0.0
			for b.Loop() {
				for range peerRounds {
					one := measure(b, model, 1)
					two := measure(b, model, 2)
					top := 0.0
					for _, r := range peerRuns(b, bestType, script, model, "3", strconv.Itoa(best.Threads)) {
						if r.ChannelsLast == best.ChannelsLast {
							top, peerMemory = r.SamplesPer, r.mib
						}
					}
					mine := max(one.SamplesPer, two.SamplesPer)
					ours, theirs, ratios = append(ours, mine), append(theirs, top), append(ratios, mine/top)
					scaling, memory = append(scaling, two.SamplesPer/one.SamplesPer), two.PeakMiB
				}
			}
			b.Logf("%s: PyTorch is fastest with %d threads, channels last %v, BLAS kernels %q", model, best.Threads, best.ChannelsLast, bestType)
			b.ReportMetric(median(ours), "rows/s")
			b.ReportMetric(median(theirs), "torch-rows/s")
			b.ReportMetric(median(ratios), "×torch")
			b.ReportMetric(median(scaling), "2-cores/1")
			b.ReportMetric(memory/peerMemory, "memory/torch's")
		})
	}
}

// measure trains in a process of its own, whose memory is then its own too.
func measure(b *testing.B, model string, threads int) TrainResult {
	b.Helper()
	out, err := exec.Command(os.Getenv("KDONNX_BIN"), "bench", "train", "--model", model, "--threads", strconv.Itoa(threads), "--time", "3s", "--json").Output()
	if err != nil {
		b.Fatalf("KDONNX_BIN=%q: %v", os.Getenv("KDONNX_BIN"), err)
	}
	var r TrainResult
	if err := json.Unmarshal(out, &r); err != nil {
		b.Fatal(err)
	}
	return r
}

type peerRun struct {
	Threads      int     `json:"threads"`
	ChannelsLast bool    `json:"channels_last"`
	SamplesPer   float64 `json:"samples_per_s"`
	mib          float64
}

func peerRuns(b *testing.B, coreType, script, model, seconds string, threads ...string) []peerRun {
	b.Helper()
	lines, mib := python(b, coreType, append([]string{script, model, "--seconds", seconds, "--threads"}, threads...)...)
	runs := make([]peerRun, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), &runs[i]); err != nil {
			b.Fatalf("%q: %v", line, err)
		}
		runs[i].mib = mib
	}
	return runs
}

// blasScript times NumPy's product of n×n matrices on one core.
const blasScript = `
import os, sys, time
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy as np
n = int(sys.argv[1]); a, b = (np.random.randn(n, n).astype(np.float32) for _ in "ab"); c = np.empty_like(a); t = []
for _ in range(40):
    s = time.perf_counter(); np.dot(a, b, out=c); t.append(time.perf_counter() - s)
print(sorted(t)[len(t) // 2])
`

// BenchmarkBLAS multiplies 1024×1024 matrices on one core here and in
// OpenBLAS through NumPy, in turns, with the BLAS kernels that do best.
func BenchmarkBLAS(b *testing.B) {
	peerScript(b, "torch_train.py") // the same switch
	const n = 1024
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	x, y := make([]float32, n*n), make([]float32, n*n)
	for i := range x {
		x[i], y[i] = float32(i%83)/83-0.5, float32(i%79)/79-0.5
	}
	z := make([]float32, n*n)
	theirs := func(t string) float64 {
		lines, _ := python(b, t, "-c", blasScript, fmt.Sprint(n))
		s, err := strconv.ParseFloat(lines[0], 64)
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	best := coreTypes[0]
	least := theirs(best)
	for _, t := range coreTypes[1:] {
		if s := theirs(t); s < least {
			best, least = t, s
		}
	}
	var rates, ratios, peaks []float64
	for b.Loop() {
		for range 2 * peerRounds {
			other := theirs(best)
			var times []float64
			for range 40 {
				start := time.Now()
				kernel.Gemm(false, false, n, n, n, 1, x, n, y, n, 0, z, n)
				times = append(times, time.Since(start).Seconds())
			}
			mine := median(times)
			rates = append(rates, 2*n*n*n/mine/1e9)
			ratios = append(ratios, other/mine)
			peaks = append(peaks, n*n*n/mine/kernel.Peak())
		}
	}
	b.Logf("OpenBLAS is fastest with kernels %q", best)
	b.ReportMetric(median(rates), "GFLOP/s")
	b.ReportMetric(median(ratios), "×openblas")
	b.ReportMetric(median(peaks), "of-peak")
}
