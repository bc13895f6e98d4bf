// Package bench measures what kdonnx claims of its speed: a training step, and
// in its benchmarks the ratios to peers in the same run.
package bench

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/graph"
	"github.com/kdonnx/kdonnx/student/kernel"
	"github.com/kdonnx/kdonnx/student/optim"
)

// Options of a measurement. The zero value of a field gives the default.
type Options struct {
	Model     string        // architecture, or one of the short names mlp and mlp1200
	Batch     int           // rows of a step; defaults to 128
	Optimizer string        // defaults to sgd, with momentum
	Time      time.Duration // to measure for; defaults to 5 s
	Profile   bool          // keep the time of every op
}

// TrainResult is one measurement of full training steps: forward,
// distillation loss, backward and optimiser on random rows.
type TrainResult struct {
	Model      string  `json:"model"`
	Batch      int     `json:"batch"`
	Threads    int     `json:"threads"`
	MsPerStep  float64 `json:"ms_per_step"` // median
	SamplesPer float64 `json:"samples_per_s"`
	GFLOPs     float64 `json:"gflops"`      // of forward and backward, 2 a multiply-add
	PeakGFLOPs float64 `json:"peak_gflops"` // of all threads, measured beside it
	PeakMiB    float64 `json:"peak_mib"`    // of memory, of the whole process
	Optimizer  string  `json:"optimizer"`
	Steps      int     `json:"steps"`

	Ops []graph.OpTime `json:"-"` // with Profile, of Steps steps
}

// net is what a short name stands for.
type net struct {
	spec    string
	shape   []int
	classes int
}

// netOf gives the architecture and its input: images of 3×32×32 unless it is
// fully connected, 10 classes or for residual nets 100.
func netOf(model string) net {
	image := []int{3, 32, 32}
	switch {
	case model == "mlp":
		return net{"mlp:800,800", []int{784}, 10}
	case model == "mlp1200":
		return net{"mlp:1200,1200", []int{784}, 10}
	case len(model) > 4 && model[:4] == "mlp:":
		return net{model, []int{784}, 10}
	case len(model) > 6 && model[:6] == "resnet":
		return net{model, image, 100}
	}
	return net{model, image, 10}
}

// Train measures training steps of o.Model.
func Train(o Options) (*TrainResult, error) {
	if o.Batch == 0 {
		o.Batch = 128
	}
	if o.Batch < 1 || o.Batch > 1<<16 {
		return nil, fault.New(fault.Usage, "", "--batch", "got %d, expected 1 to %d", o.Batch, 1<<16)
	}
	if o.Optimizer == "" {
		o.Optimizer = "sgd"
	}
	if o.Time == 0 {
		o.Time = 5 * time.Second
	}
	step, trainer, flops, err := prepare(netOf(o.Model), o)
	if err != nil {
		return nil, err
	}
	for range 3 {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if o.Profile {
		trainer.Profile()
	}
	var times []float64
	for end := time.Now().Add(o.Time); time.Now().Before(end) || len(times) < 5; {
		start := time.Now()
		if err := step(); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start).Seconds())
	}
	r := &TrainResult{Model: o.Model, Batch: o.Batch, Threads: runtime.GOMAXPROCS(0), Optimizer: o.Optimizer, Steps: len(times)}
	if o.Profile {
		r.Ops = trainer.Times()
	}
	slices.Sort(times)
	median := times[len(times)/2]
	r.MsPerStep, r.SamplesPer = median*1e3, float64(o.Batch)/median
	r.GFLOPs, r.PeakGFLOPs = flops/median/1e9, 2*kernel.Peak()/1e9
	r.PeakMiB = peakMemory()
	return r, nil
}

// prepare makes a student and its step on random rows; flops are those of one
// step.
func prepare(n net, o Options) (step func() error, trainer *student.Trainer, flops float64, err error) {
	m, err := models.Build(n.spec, models.Input{Shape: n.shape}, n.classes, 1)
	if err != nil {
		return nil, nil, 0, err
	}
	forward, err := models.FLOPs(m)
	if err != nil {
		return nil, nil, 0, err
	}
	s, err := student.FromModel(m, n.spec)
	if err != nil {
		return nil, nil, 0, err
	}
	opt, err := optim.New(o.Optimizer, optim.Settings{Momentum: 0.9})
	if err != nil {
		return nil, nil, 0, err
	}
	trainer, err = student.NewTrainer(s, opt, o.Batch, 1)
	if err != nil {
		return nil, nil, 0, err
	}
	beta := 0.1
	kd, err := loss.New("classic", loss.Settings{Temperature: 4, Alpha: 0.9, Beta: &beta})
	if err != nil {
		return nil, nil, 0, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	normal := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	size := 1
	for _, d := range n.shape {
		size *= d
	}
	x := normal(o.Batch * size)
	batch := loss.Batch{N: o.Batch, C: n.classes, Teacher: normal(o.Batch * n.classes), Labels: make([]int32, o.Batch)}
	for i := range batch.Labels {
		batch.Labels[i] = int32(rng.IntN(n.classes))
	}
	eval := func(z, dz []float32) float64 {
		batch.Student = z
		return kd.Eval(batch, dz).Total
	}
	step = func() error {
		if _, err := trainer.Step(x, o.Batch, eval, 0.01); err != nil {
			return fmt.Errorf("measuring %s: %w", n.spec, err)
		}
		return nil
	}
	return step, trainer, 3 * float64(forward) * float64(o.Batch), nil
}
