package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/metrics"
)

// kdSeeds is how often each side trains the student.
const kdSeeds = 5

// BenchmarkKD distils the same MNIST student here and in PyTorch on the logits
// that kdonnx targets export writes: same T, α, epochs, batch, rate and
// schedule, five seeds. Here they are one run, which trains as many at once as
// there are cores, in the middle of PyTorch's, which are a process each, one
// after the other. It reports the errors of both and the ratio of the wall times
// in which all five were trained, and of whole processes. Trained as here, one on
// each of two cores at once, PyTorch has a ratio of its own.
func BenchmarkKD(b *testing.B) {
	script := peerScript(b, "torch_kd.py")
	k := kd{bin: os.Getenv("KDONNX_BIN"), mnist: os.Getenv("KDONNX_MNIST"), teacher: os.Getenv("KDONNX_TEACHER"), epochs: 20}
	if k.mnist == "" || k.teacher == "" {
		b.Skip("KDONNX_MNIST and KDONNX_TEACHER name no rows and no teacher: see make bench-kd")
	}
	if n, err := strconv.Atoi(os.Getenv("KDONNX_EPOCHS")); err == nil {
		k.epochs = n
	}
	k.dir = b.TempDir()
	k.targets(b)
	best := k.fastest(b, script)
	var here, there kdRuns
	for seed := range kdSeeds {
		if seed == kdSeeds/2 {
			here = k.here(b)
		}
		there.add(k.there(b, script, best, seed, k.epochs))
	}
	beside := k.beside(b, script, best.coreType)
	d := make([]float64, kdSeeds)
	for i := range d {
		d[i] = here.errors[i] - there.errors[i]
	}
	t := metrics.PairedT(d)
	fmt.Printf("errors here  %v\nerrors there %v\nhere − there %.1f, 95 %% interval %.1f to %.1f\n", here.errors, there.errors, t.Mean, t.Low, t.High)
	b.ReportMetric(stat.Mean(here.errors, nil), "errors")
	b.ReportMetric(stat.Mean(there.errors, nil), "torch-errors")
	b.ReportMetric(here.training/there.training, "training/torch")
	b.ReportMetric(here.training/beside.training, "training/torch-beside")
	b.ReportMetric(here.whole/there.whole, "process/torch")
	b.ReportMetric(here.whole/beside.whole, "process/torch-beside")
}

// kd is what both sides are given.
type kd struct {
	bin, mnist, teacher, dir string
	epochs                   int
}

// kdRuns are the errors of each seed, and the wall time of all in seconds, of
// training and of processes.
type kdRuns struct {
	errors          []float64
	training, whole float64
}

func (r *kdRuns) add(errors, training, whole float64) {
	r.errors, r.training, r.whole = append(r.errors, errors), r.training+training, r.whole+whole
}

// setting is how one side runs: PyTorch's threads and BLAS kernels.
type setting struct {
	threads  int
	coreType string
}

func (k *kd) store() string  { return filepath.Join(k.dir, "store") }
func (k *kd) logits() string { return filepath.Join(k.dir, "logits.npy") }

// targets asks the teacher once, for both sides.
func (k *kd) targets(b *testing.B) {
	k.run(b, "targets", "--teacher", k.teacher, "--data", k.mnist, "-o", k.store())
	k.run(b, "targets", "export", k.store(), "--data", k.mnist, "-o", k.logits())
}

// fastest is PyTorch's best setting, by one epoch each.
func (k *kd) fastest(b *testing.B, script string) (best setting) {
	least := 0.0
	for _, t := range coreTypes {
		for threads := 1; threads <= 2; threads++ {
			s := setting{threads, t}
			if _, training, _ := k.there(b, script, s, 0, 1); least == 0 || training < least {
				best, least = s, training
			}
		}
	}
	return best
}

// here trains all seeds by kdonnx. The wall time of training is that in which at
// least one of them made steps, which is what rows a second are of.
func (k *kd) here(b *testing.B) (r kdRuns) {
	began := time.Now()
	out := k.run(b, "distill", "--targets", k.store(), "--train", k.mnist, "--val-split", "0", "--student", "mlp:800,800", "--temperature", "20", "--alpha", "0.9",
		"--epochs", strconv.Itoa(k.epochs), "--lr", "0.1", "--clip", "0", "--seed", "0", "--seeds", strconv.Itoa(kdSeeds), "--no-baseline", "--json", "-o", filepath.Join(k.dir, "here", "student.onnx"))
	r.whole = time.Since(began).Seconds()
	var said struct {
		Seeds struct {
			Student map[string]struct{ Values []float64 }
		}
		SamplesPerS float64 `json:"samples_per_s"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		b.Fatal(err)
	}
	r.errors, r.training = said.Seeds.Student["errors"].Values, float64(kdSeeds*60000*k.epochs)/said.SamplesPerS
	if len(r.errors) != kdSeeds {
		b.Fatalf("errors of %d seeds, expected %d", len(r.errors), kdSeeds)
	}
	return r
}

// beside trains all seeds by PyTorch, two at once on a thread each. Its training
// is counted as if two had been under way all the time, which the last of an odd
// number is not.
func (k *kd) beside(b *testing.B, script, coreType string) (r kdRuns) {
	const at = 2
	began := time.Now()
	var mu sync.Mutex
	_, err := distill.Together(b.Context(), kdSeeds, at, func(_ context.Context, seed int) error {
		errors, training, _ := k.there(b, script, setting{1, coreType}, seed, k.epochs)
		mu.Lock()
		defer mu.Unlock()
		r.add(errors, training/at, 0)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	r.whole = time.Since(began).Seconds()
	return r
}

// there trains by PyTorch.
func (k *kd) there(b *testing.B, script string, s setting, seed, epochs int) (errors, training, whole float64) {
	began := time.Now()
	lines, _ := python(b, s.coreType, script, "--mnist", k.mnist, "--logits", k.logits(), "--epochs", strconv.Itoa(epochs), "--seed", strconv.Itoa(seed), "--threads", strconv.Itoa(s.threads))
	whole = time.Since(began).Seconds()
	var r struct {
		Errors float64
		WallS  float64 `json:"wall_s"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		b.Fatal(err)
	}
	return r.Errors, r.WallS, whole
}

func (k *kd) run(b *testing.B, args ...string) []byte {
	b.Helper()
	cmd := exec.Command(k.bin, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%v: %v: %s", args, err, stderr.String())
	}
	return out
}
