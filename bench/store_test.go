package bench

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

const (
	scaleFeatures = 16
	scaleClasses  = 10
	scaleBar      = 300 // MiB
)

// BenchmarkStoreAtScale fills, verifies and looks up a target store of
// KDONNX_STORE_ROWS rows with the program KDONNX_BIN and reports the peak memory
// of each, the teacher's own process apart. More than 300 MiB fail it.
func BenchmarkStoreAtScale(b *testing.B) {
	bin := os.Getenv("KDONNX_BIN")
	rows, err := strconv.Atoi(os.Getenv("KDONNX_STORE_ROWS"))
	if bin == "" || err != nil {
		b.Skip("make bench-store runs it")
	}
	dir := b.TempDir()
	data, teacher, out := filepath.Join(dir, "x.npy"), filepath.Join(dir, "teacher.onnx"), filepath.Join(dir, "store")
	m, err := models.Build("linear", models.Input{Name: "x", Shape: []int{scaleFeatures}}, scaleClasses, 1)
	if err != nil {
		b.Fatal(err)
	}
	if err := onnx.Write(teacher, m); err != nil {
		b.Fatal(err)
	}
	if err := writeRows(data, rows); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, step := range []struct {
			name string
			args []string
		}{
			{"fill", []string{"targets", "--teacher", teacher, "--data", data, "--teacher-input", "raw", "-o", out}},
			{"again", []string{"targets", "--teacher", teacher, "--data", data, "--teacher-input", "raw", "-o", out}},
			{"verify", []string{"targets", "verify", out}},
			{"look-up", []string{"targets", "export", out, "--data", data, "-o", filepath.Join(dir, "logits.npy")}},
		} {
			mib, span := peakOf(b, bin, step.args...)
			b.Logf("%s: %.0f MiB, %.1f s, %.0f rows/s", step.name, mib, span.Seconds(), float64(rows)/span.Seconds())
			b.ReportMetric(mib, step.name+"-MiB")
			if mib > scaleBar {
				b.Errorf("%s took %.0f MiB, at most %d are allowed", step.name, mib, scaleBar)
			}
		}
		b.ReportMetric(float64(sizeOf(b, out))/float64(rows), "bytes/row")
		if err := os.RemoveAll(out); err != nil {
			b.Fatal(err)
		}
	}
}

// writeRows writes n rows of uniform values, one in a thousand of them twice,
// and labels beside them.
func writeRows(path string, n int) error {
	if err := writeArray(strings.TrimSuffix(path, ".npy")+"_labels.npy", "<i8", []int{n}, func(i int, buf []byte) []byte {
		return binary.LittleEndian.AppendUint64(buf, uint64(i%scaleClasses))
	}); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	row := make([]float32, scaleFeatures)
	return writeArray(path, "<f4", []int{n, scaleFeatures}, func(i int, buf []byte) []byte {
		for k := range row {
			if i%1000 != 999 {
				row[k] = rng.Float32()
			}
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(row[k]))
		}
		return buf
	})
}

// writeArray writes an .npy file whose rows put appends.
func writeArray(path, descr string, dims []int, put func(row int, buf []byte) []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := dataset.WriteNPYHeader(w, descr, dims); err != nil {
		return err
	}
	var buf []byte
	for i := range dims[0] {
		buf = put(i, buf[:0])
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return w.Flush()
}

// peakOf runs a program and reads the largest resident size, in MiB, that the
// kernel saw of it, children apart.
func peakOf(b *testing.B, bin string, args ...string) (mib float64, span time.Duration) {
	b.Helper()
	cmd := exec.Command(bin, args...)
	var text strings.Builder
	cmd.Stdout, cmd.Stderr = &text, &text
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	seen := make(chan float64)
	go func() {
		peak := 0.0
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			peak = max(peak, highWater(cmd.Process.Pid))
			select {
			case <-tick.C:
			case <-done:
				tick.Stop()
				seen <- peak
				return
			}
		}
	}()
	err := cmd.Wait()
	span = time.Since(start)
	close(done)
	mib = <-seen
	if err != nil {
		b.Fatalf("%v: %v\n%s", args, err, text.String())
	}
	return mib, span
}

// highWater is VmHWM of a process in MiB, 0 when it has ended.
func highWater(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib / 1024
}

// sizeOf is the bytes of all files in dir.
func sizeOf(b *testing.B, dir string) (total int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return total
}
