package models

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/optim"
)

// recording is what testdata/torch_losses.py writes: training runs of PyTorch.
type recording struct {
	Torch              string
	Batch, Classes     int
	Rate, Momentum     float64
	Temperature, Alpha float64
	Runs               []recordedRun
}

type recordedRun struct {
	Spec       string
	Shape      []int
	Parameters int64
	// Before each step, computed in float64: the loss and the norm of the whole gradient.
	Losses, Norms []float64
	// The same computed in float32.
	Losses32, Norms32 []float64
}

// uniform24 is value i of the named stream, in [-1, 1): SplitMix64 (Steele, Lea
// and Flood 2014) from the FNV-1a hash of the name, its upper 24 bits.
func uniform24(name string, n int) []float64 {
	h := uint64(0xcbf29ce484222325)
	for _, c := range []byte(name) {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	out := make([]float64, n)
	for i := range out {
		h += 0x9e3779b97f4a7c15
		z := (h ^ h>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		out[i] = float64((z^z>>31)>>40)/(1<<23) - 1
	}
	return out
}

func scaled(a float64, u []float64) []float32 {
	out := make([]float32, len(u))
	for i, v := range u {
		out[i] = float32(a * v)
	}
	return out
}

// setWeights gives every trained parameter the values of its name.
func setWeights(s *student.Student) {
	for _, p := range s.Params() {
		if !p.Trainable {
			continue
		}
		u := uniform24(p.Name, len(p.Data))
		switch {
		case len(p.Dims) > 1:
			copy(p.Data, scaled(math.Sqrt(6*float64(p.Dims[0])/float64(len(p.Data))), u))
		case strings.HasSuffix(p.Name, ".weight"):
			for i, v := range u {
				p.Data[i] = float32(1 + float64(0.1*v))
			}
		default:
			copy(p.Data, scaled(0.1, u))
		}
	}
}

// normed is an optimiser that notes the norm of each gradient.
type normed struct {
	optim.Optimizer
	params []optim.Param
	norms  []float64
}

func (o *normed) Bind(params []optim.Param) {
	o.params = params
	o.Optimizer.Bind(params)
}

func (o *normed) Step(step uint64, lr, scale float32) {
	square := 0.0
	for _, p := range o.params {
		for _, g := range p.Grad {
			square += float64(g) * float64(g)
		}
	}
	o.norms = append(o.norms, math.Sqrt(square))
	o.Optimizer.Step(step, lr, scale)
}

// replay trains m as the recording r says and gives losses and norms.
func (r recording) replay(t *testing.T, m *onnx.Model, steps int) (losses, norms []float64) {
	t.Helper()
	s, err := student.FromModel(m, "student")
	if err != nil {
		t.Fatal(err)
	}
	setWeights(s)
	inner, err := optim.New("sgd", optim.Settings{Momentum: r.Momentum})
	if err != nil {
		t.Fatal(err)
	}
	opt := &normed{Optimizer: inner}
	tr, err := student.NewTrainer(s, opt, r.Batch, 1)
	if err != nil {
		t.Fatal(err)
	}
	kd, err := loss.NewClassic(loss.Settings{Temperature: r.Temperature, Alpha: r.Alpha})
	if err != nil {
		t.Fatal(err)
	}
	size := 1
	for _, d := range s.InputShape() {
		size *= d
	}
	for step := range steps {
		x := scaled(math.Sqrt(3), uniform24(fmt.Sprintf("x/%d", step), r.Batch*size))
		b := loss.Batch{N: r.Batch, C: r.Classes, Teacher: scaled(3, uniform24(fmt.Sprintf("teacher/%d", step), r.Batch*r.Classes))}
		for _, u := range uniform24(fmt.Sprintf("labels/%d", step), r.Batch) {
			b.Labels = append(b.Labels, int32((u+1)/2*float64(r.Classes)))
		}
		value, err := tr.Step(x, r.Batch, func(z, dz []float32) float64 {
			b.Student = z
			return kd.Eval(b, dz).Total
		}, float32(r.Rate))
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, value)
	}
	return losses, opt.norms
}

// tolerance is the largest relative difference that passes, where PyTorch's
// own float32 run stays closer to its float64 run; else strays times as much.
const (
	tolerance = 1e-4
	strays    = 5
)

// compare gives the largest relative difference of got from want, and the
// first step that it exceeds its tolerance at, or −1.
func compare(got, want, want32 []float64) (worst float64, at int) {
	limit := tolerance
	at = -1
	for i, w := range want {
		limit = max(limit, strays*math.Abs(want32[i]-w)/math.Abs(w))
		d := math.Abs(got[i]-w) / math.Abs(w)
		if !(d <= limit) && at < 0 {
			at = i
		}
		worst = max(worst, d)
	}
	return worst, at
}

func readRecording(t *testing.T) recording {
	t.Helper()
	data, err := os.ReadFile("testdata/torch_losses.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestLossesOfPyTorch trains whole nets from the same weights on the same
// batches as PyTorch did, and expects its losses and gradient norms.
func TestLossesOfPyTorch(t *testing.T) {
	r := readRecording(t)
	for _, run := range r.Runs {
		m, err := Build(run.Spec, Input{Shape: run.Shape}, r.Classes, 1)
		if err != nil {
			t.Error(err)
			continue
		}
		if n, err := Count(m); n != run.Parameters {
			t.Errorf("%s: %d parameters (%v), PyTorch has %d", run.Spec, n, err, run.Parameters)
		}
		losses, norms := r.replay(t, m, len(run.Losses))
		a, lossAt := compare(losses, run.Losses, run.Losses32)
		b, normAt := compare(norms, run.Norms, run.Norms32)
		t.Logf("%s: losses within %.1e, gradient norms within %.1e of PyTorch %s", run.Spec, a, b, r.Torch)
		if len(losses) != 10 || lossAt >= 0 || normAt >= 0 {
			t.Errorf("%s: losses %.6f and norms %.6f, PyTorch says %.6f and %.6f", run.Spec, losses, norms, run.Losses, run.Norms)
		}
	}
}

// TestLossesSeeFaults plants what is easily got wrong and requires that the
// recorded losses or norms of each net that has it show it.
func TestLossesSeeFaults(t *testing.T) {
	attribute := func(op, name string, v float32) func(*onnx.Model, *recording) bool {
		return func(m *onnx.Model, _ *recording) (found bool) {
			for _, n := range m.Graph.Nodes {
				for _, a := range n.Attrs {
					if n.OpType == op && a.Name == name {
						a.F, found = v, true
					}
				}
			}
			return found
		}
	}
	setting := func(change func(*recording)) func(*onnx.Model, *recording) bool {
		return func(_ *onnx.Model, r *recording) bool { change(r); return true }
	}
	for _, fault := range []struct {
		name  string
		plant func(*onnx.Model, *recording) bool // false where there is nothing to plant it in
	}{
		{"learning rate 5 % up", setting(func(r *recording) { r.Rate *= 1.05 })},
		{"momentum 0.88", setting(func(r *recording) { r.Momentum = 0.88 })},
		{"temperature 1 % up", setting(func(r *recording) { r.Temperature *= 1.01 })},
		{"alpha 0.89", setting(func(r *recording) { r.Alpha = 0.89 })},
		{"epsilon of BatchNormalization 1e-3", attribute("BatchNormalization", "epsilon", 1e-3)},
		{"epsilon of LayerNormalization 1e-2", attribute("LayerNormalization", "epsilon", 1e-2)},
	} {
		seen := 0
		for _, run := range readRecording(t).Runs {
			m, err := Build(run.Spec, Input{Shape: run.Shape}, 10, 1)
			if err != nil {
				t.Fatal(err)
			}
			r := readRecording(t)
			if !fault.plant(m, &r) {
				continue
			}
			seen++
			losses, norms := r.replay(t, m, 4)
			a, lossAt := compare(losses, run.Losses[:4], run.Losses32)
			b, normAt := compare(norms, run.Norms[:4], run.Norms32)
			if lossAt < 0 && normAt < 0 {
				t.Errorf("%s is not seen in %s: losses within %.1e, norms within %.1e", fault.name, run.Spec, a, b)
			}
		}
		if seen == 0 {
			t.Errorf("no net has %s", fault.name)
		}
	}
}
