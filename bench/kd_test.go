package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

// kdSeeds is how often each side trains the student.
const kdSeeds = 5

// BenchmarkKD distils the same MNIST student here and in PyTorch on the logits
// that kdonnx targets export writes: same T, α, epochs, batch, rate and
// schedule, five seeds, in turns. It reports the errors of both and the ratio of
// their times, of training alone and of the whole process.
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
		here.add(k.here(b, seed))
		there.add(k.there(b, script, best, seed, k.epochs))
	}
	d := make([]float64, kdSeeds)
	for i := range d {
		d[i] = here.errors[i] - there.errors[i]
	}
	t := metrics.PairedT(d)
	fmt.Printf("errors here  %v\nerrors there %v\nhere − there %.1f, 95 %% interval %.1f to %.1f\n", here.errors, there.errors, t.Mean, t.Low, t.High)
	b.ReportMetric(stat.Mean(here.errors, nil), "errors")
	b.ReportMetric(stat.Mean(there.errors, nil), "torch-errors")
	b.ReportMetric(median(here.training)/median(there.training), "training/torch")
	b.ReportMetric(median(here.whole)/median(there.whole), "process/torch")
}

// kd is what both sides are given.
type kd struct {
	bin, mnist, teacher, dir string
	epochs                   int
}

// kdRuns are the errors, the seconds of training and those of the process.
type kdRuns struct{ errors, training, whole []float64 }

func (r *kdRuns) add(errors, training, whole float64) {
	r.errors, r.training, r.whole = append(r.errors, errors), append(r.training, training), append(r.whole, whole)
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

// here trains by kdonnx.
func (k *kd) here(b *testing.B, seed int) (errors, training, whole float64) {
	began := time.Now()
	out := k.run(b, "distill", "--targets", k.store(), "--train", k.mnist, "--val-split", "0", "--student", "mlp:800,800", "--temperature", "20", "--alpha", "0.9",
		"--epochs", strconv.Itoa(k.epochs), "--lr", "0.1", "--clip", "0", "--seed", strconv.Itoa(seed), "--no-baseline", "--json", "-o", filepath.Join(k.dir, strconv.Itoa(seed), "student.onnx"))
	whole = time.Since(began).Seconds()
	var r struct {
		Student     struct{ Errors float64 }
		SamplesPerS float64 `json:"samples_per_s"`
	}
	if err := json.Unmarshal(out, &r); err != nil {
		b.Fatal(err)
	}
	return r.Student.Errors, float64(60000*k.epochs) / r.SamplesPerS, whole
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
