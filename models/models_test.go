package models

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/optim"
)

var image = Input{Shape: []int{1, 12, 12}}

// crossEntropy is the mean of −log softmax(z)[y] and its gradient.
func crossEntropy(y []int, classes int) func(z, dz []float32) float64 {
	return func(z, dz []float32) float64 {
		loss, n := 0.0, len(z)/classes
		for r := range n {
			row, sum, top := z[r*classes:(r+1)*classes], 0.0, math.Inf(-1)
			for _, v := range row {
				top = max(top, float64(v))
			}
			for _, v := range row {
				sum += math.Exp(float64(v) - top)
			}
			for c, v := range row {
				p := math.Exp(float64(v)-top) / sum
				if c == y[r] {
					loss -= math.Log(p)
					p--
				}
				dz[r*classes+c] = float32(p / float64(n))
			}
		}
		return loss / float64(n)
	}
}

func build(t testing.TB, spec string, in Input, classes int) *student.Student {
	t.Helper()
	m, err := Build(spec, in, classes, 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := student.FromModel(m, spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func trainer(t testing.TB, s *student.Student, name string, batch int) *student.Trainer {
	t.Helper()
	opt, err := optim.New(name, optim.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := student.NewTrainer(s, opt, batch, 7)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// spirals are two interleaved spirals of one and a half turns.
func spirals(n int, seed uint64) (x []float32, y []int) {
	rng := rand.New(rand.NewPCG(seed, 2))
	for range n {
		class, r := rng.IntN(2), 0.1+0.9*rng.Float64()
		a := 3*math.Pi*r + math.Pi*float64(class)
		x = append(x, float32(r*math.Cos(a)+0.01*rng.NormFloat64()), float32(r*math.Sin(a)+0.01*rng.NormFloat64()))
		y = append(y, class)
	}
	return x, y
}

// strokes are 12×12 images in noise of a bar, a cross, a ring or a diagonal,
// somewhere.
func strokes(n int, seed uint64) (x []float32, y []int) {
	rng := rand.New(rand.NewPCG(seed, 3))
	for range n {
		class, top, left := rng.IntN(4), rng.IntN(6), rng.IntN(6)
		for i := range 144 {
			r, c := i/12-top, i%12-left
			on := false
			if r >= 0 && r < 7 && c >= 0 && c < 7 {
				on = [...]bool{r == 3, r == 3 || c == 3, r == 0 || r == 6 || c == 0 || c == 6, r == c}[class]
			}
			v := 0.3 * rng.NormFloat64()
			if on {
				v++
			}
			x = append(x, float32(v))
		}
		y = append(y, class)
	}
	return x, y
}

func accuracy(t testing.TB, s *student.Student, x []float32, y []int) float64 {
	t.Helper()
	k := s.Classes()
	z := make([]float32, len(y)*k)
	if err := s.Predict(context.Background(), x, len(y), z); err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, class := range y {
		row := z[i*k : (i+1)*k]
		if slices.Index(row, slices.Max(row)) == class {
			right++
		}
	}
	return float64(right) / float64(len(y))
}

func TestLearnsToyProblems(t *testing.T) {
	for _, c := range []struct {
		spec    string
		in      Input
		classes int
		steps   int
		draw    func(int, uint64) ([]float32, []int)
	}{
		{"mlp:64,64", Input{Shape: []int{2}, Scale: []float32{3}}, 2, 800, spirals},
		{"cnn:8,16?hidden=32", image, 4, 200, strokes},
		{"cnn:8,16?hidden=0&norm=1", image, 4, 200, strokes},
		{"lenet?dropout=0.2", image, 4, 300, strokes},
		{"resnet8", image, 4, 60, strokes},
		{"transformer:16,1,2", Input{Shape: []int{2}, Scale: []float32{3}}, 2, 800, spirals},
	} {
		s := build(t, c.spec, c.in, c.classes)
		tr := trainer(t, s, "adamw", 64)
		for i := range c.steps {
			x, y := c.draw(64, uint64(i))
			rate := optim.Cosine(uint64(c.steps), 0).Rate(0.01, uint64(i))
			if _, err := tr.Step(x, 64, crossEntropy(y, c.classes), rate); err != nil {
				t.Fatal(err)
			}
		}
		x, y := c.draw(1000, 1<<40)
		if got := accuracy(t, s, x, y); !(got >= 0.95) {
			t.Errorf("%s: accuracy %.3f on fresh rows, want 0.95", c.spec, got)
		}
	}
}

// TestDeepNetsLearn takes few steps with each of the deep nets: the loss of
// fresh rows must fall to a third.
func TestDeepNetsLearn(t *testing.T) {
	for _, c := range []struct {
		spec  string
		steps int
	}{
		{"cnn", 15}, {"resnet8?zero=1", 60}, {"resnet14", 30}, {"wrn-10-1", 30}, {"vgg8", 10},
		{"mobilenetv2:0.1?zero=1", 30}, {"transformer:24,2,3?patch=3", 100},
	} {
		s := build(t, c.spec, image, 4)
		tr := trainer(t, s, "adamw", 32)
		var losses []float64
		for i := range c.steps {
			x, y := strokes(32, uint64(i))
			l, err := tr.Step(x, 32, crossEntropy(y, 4), 0.003)
			if err != nil {
				t.Fatal(err)
			}
			losses = append(losses, l)
		}
		last := losses[c.steps-4:]
		if mean := (last[0] + last[1] + last[2] + last[3]) / 4; !(mean < losses[0]/3) {
			t.Errorf("%s: the loss falls from %.3f to %.3f in %d steps", c.spec, losses[0], mean, c.steps)
		}
	}
}

// zooSpecs covers every architecture and option.
var zooSpecs = []string{"linear", "mlp:20", "mlp:16,8?dropout=0.3&norm=1", "cnn:4", "cnn:4,6?hidden=16&dropout=0.5&norm=1", "lenet", "lenet?dropout=0.1",
	"cnn?dropout=0.1", "resnet8?zero=1&init=he-uniform", "wrn-10-1?dropout=0.1", "vgg8?dropout=0.1", "mobilenetv2:0.1?dropout=0.1&zero=1",
	"transformer:8,2,2?dropout=0.1&init=glorot", "transformer:6,1,3?patch=5"}

// TestZoo checks that what Build makes is valid, is the same each time, and
// trains to the same bytes on any number of cores.
func TestZoo(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	inputs := []Input{
		image,
		{Name: "pixels", Shape: []int{12, 12, 1}, NHWC: true, Scale: []float32{0.5}, Shift: []float32{-1}},
		{Shape: []int{3, 13, 12}, Scale: []float32{1, 2, 3}},
	}
	seen := map[string]bool{}
	for _, spec := range zooSpecs {
		a, err := Find(spec)
		if err != nil {
			t.Fatal(err)
		}
		seen[a.Name] = true
		for i, in := range inputs {
			m, err := Build(spec, in, 4, 9)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := onnx.Validate(m); err != nil {
				t.Errorf("%s: %v", spec, err)
			}
			again, _ := Build(spec, in, 4, 9)
			other, _ := Build(spec, in, 4, 10)
			a, b, c := marshal(t, m), marshal(t, again), marshal(t, other)
			if !bytes.Equal(a, b) || bytes.Equal(a, c) {
				t.Errorf("%s: same seed same bytes %v, other seed %v", spec, bytes.Equal(a, b), bytes.Equal(a, c))
			}
			var want []byte
			for _, procs := range []int{1, 2, 3, 8} {
				runtime.GOMAXPROCS(procs)
				s, err := student.FromModel(m, spec)
				if err != nil {
					t.Fatal(err)
				}
				tr := trainer(t, s, "nesterov", 33)
				rng := rand.New(rand.NewPCG(1, uint64(i)))
				size := in.Shape[0] * in.Shape[1] * in.Shape[2]
				for range 3 {
					x, y := make([]float32, 33*size), make([]int, 33)
					for j := range x {
						x[j] = float32(rng.NormFloat64())
					}
					for j := range y {
						y[j] = rng.IntN(4)
					}
					if _, err := tr.Step(x, 33, crossEntropy(y, 4), 0.01); err != nil {
						t.Fatal(err)
					}
				}
				got := marshal(t, s.Model())
				if want == nil {
					want = got
				} else if !bytes.Equal(got, want) {
					t.Errorf("%s input %d: GOMAXPROCS %d trains to other bytes", spec, i, procs)
				}
			}
		}
	}
	for _, a := range List() {
		if !seen[a.Name] {
			t.Errorf("%s has no row here", a.Name)
		}
		for _, e := range a.Examples {
			if got, err := Find(e); err != nil || got.Name != a.Name {
				t.Errorf("example %s of %s is one of %s (%v)", e, a.Name, got.Name, err)
			}
			if _, err := a.Summarise(e); err != nil {
				t.Errorf("example %s: %v", e, err)
			}
		}
		if a.Help == "" || len(a.Examples) == 0 {
			t.Errorf("%s has no help or no example", a.Name)
		}
	}
}

func marshal(t testing.TB, m *onnx.Model) []byte {
	t.Helper()
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestWholeGraphGradient compares the loss's change along each parameter's
// gradient with the gradient itself, through the whole network.
func TestWholeGraphGradient(t *testing.T) {
	for _, spec := range []string{"mlp:16,8", "mlp:12?norm=1", "cnn:3,4?hidden=10", "lenet", "resnet8", "wrn-10-1?init=he", "transformer:8,2,2?patch=4"} {
		s := build(t, spec, image, 4)
		x, y := strokes(16, 4)
		// With plain SGD of rate lr and no momentum, the step is −lr·gradient.
		opt, _ := optim.New("sgd", optim.Settings{Momentum: -1})
		tr, err := student.NewTrainer(s, opt, 16, 7)
		if err != nil {
			t.Fatal(err)
		}
		before := valuesOf(s)
		if _, err := tr.Step(x, 16, crossEntropy(y, 4), 1); err != nil {
			t.Fatal(err)
		}
		after := valuesOf(s)
		setValues(s, before)
		start := map[string][]float32{}
		for _, p := range s.Params() {
			start[p.Name] = slices.Clone(p.Data)
		}
		setValues(s, after)
		grads := map[string][]float32{}
		for _, p := range s.Params() {
			g := make([]float32, len(p.Data))
			for i := range g {
				g[i] = start[p.Name][i] - p.Data[i]
			}
			grads[p.Name] = g
		}
		for k, p := range s.Params() {
			if !p.Trainable {
				continue
			}
			square := 0.0
			for _, v := range grads[p.Name] {
				square += float64(v) * float64(v)
			}
			if square < 1e-10 {
				continue // the bias before a batch normalisation has no gradient
			}
			lossAt := func(h float64) float64 {
				setValues(s, before)
				q := s.Params()[k]
				for i := range q.Data {
					q.Data[i] += float32(h * float64(grads[q.Name][i]))
				}
				l, err := tr.Step(x, 16, crossEntropy(y, 4), 0)
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			h := 2e-3 / math.Sqrt(square)
			slope := (lossAt(h) - lossAt(-h)) / (2 * h)
			if !(math.Abs(slope-square) <= 0.02*square) {
				t.Errorf("%s: along the gradient of %s the loss changes by %g, the gradient says %g", spec, p.Name, slope, square)
			}
		}
		setValues(s, before)
	}
}

// valuesOf copies the parameters of s.
func valuesOf(s *student.Student) [][]float32 {
	var values [][]float32
	for _, p := range s.Params() {
		values = append(values, slices.Clone(p.Data))
	}
	return values
}

// setValues puts them back.
func setValues(s *student.Student, values [][]float32) {
	for i, p := range s.Params() {
		copy(p.Data, values[i])
	}
}

// TestStepAllocatesNothing measures a steady step, on one core and on two.
func TestStepAllocatesNothing(t *testing.T) {
	for _, spec := range []string{"mlp:300,300?dropout=0.1", "cnn:8,16", "cnn:8?norm=1", "lenet", "resnet8", "wrn-10-1?dropout=0.1", "mobilenetv2:0.1", "transformer:8,2,2?dropout=0.1"} {
		s := build(t, spec, image, 4)
		tr := trainer(t, s, "adamw", 64)
		x, y := strokes(64, 4)
		loss := crossEntropy(y, 4)
		step := func() {
			if _, err := tr.Step(x, 64, loss, 1e-3); err != nil {
				t.Fatal(err)
			}
		}
		step()
		if got := testing.AllocsPerRun(20, step); got > 0 {
			t.Errorf("%s: a step allocates %g times", spec, got)
		}
	}
}

func TestCountAndFLOPs(t *testing.T) {
	for _, c := range []struct {
		spec          string
		params, flops int64
	}{
		{"mlp:800,800", 784*800 + 800 + 800*800 + 800 + 8010, 2 * (784*800 + 800*800 + 8000)},
		{"linear", 7850, 15680},
		{"lenet", 156 + 2416 + 400*120 + 120 + 120*84 + 84 + 850, 2 * (28*28*6*25 + 10*10*16*150 + 48000 + 10080 + 840)},
		{"cnn:4?hidden=0&norm=1", 40 + 8 + 14*14*4*10 + 10, 2 * (28*28*4*9 + 7840)},
	} {
		m, err := Build(c.spec, Input{Shape: []int{1, 28, 28}, Scale: []float32{1.0 / 255}}, 10, 1)
		if err != nil {
			t.Fatal(err)
		}
		params, err1 := Count(m)
		flops, err2 := FLOPs(m)
		if err1 != nil || err2 != nil || params != c.params || flops != c.flops {
			t.Errorf("%s: %d parameters and %d operations (%v, %v), want %d and %d", c.spec, params, flops, err1, err2, c.params, c.flops)
		}
	}
}

// TestNormalisation compares x·Scale + Shift in the graph with the same done
// before it, for NCHW and NHWC.
func TestNormalisation(t *testing.T) {
	scale, shift := []float32{0.5, 2, -1}, []float32{1, 0, 3}
	rng := rand.New(rand.NewPCG(8, 8))
	const n, area = 5, 36
	for _, nhwc := range []bool{false, true} {
		in := Input{Shape: []int{3, 6, 6}}
		channel := func(i int) int { return i / area % 3 }
		if nhwc {
			in = Input{Shape: []int{6, 6, 3}, NHWC: true}
			channel = func(i int) int { return i % 3 }
		}
		plain := build(t, "cnn:4", in, 4)
		in.Scale, in.Shift = scale, shift
		inside := build(t, "cnn:4", in, 4)
		raw, done := make([]float32, n*3*area), make([]float32, n*3*area)
		for i := range raw {
			raw[i] = float32(rng.NormFloat64())
			done[i] = raw[i]*scale[channel(i)] + shift[channel(i)]
		}
		a, b := make([]float32, 4*n), make([]float32, 4*n)
		ctx := context.Background()
		if plain.Predict(ctx, done, n, a) != nil || inside.Predict(ctx, raw, n, b) != nil || !slices.Equal(a, b) {
			t.Errorf("NHWC %v: in the graph %v, before it %v", nhwc, b[:4], a[:4])
		}
	}
}

// TestChannelsLast feeds the same images in both layouts to the same weights.
func TestChannelsLast(t *testing.T) {
	first := build(t, "cnn:4,5", Input{Shape: []int{3, 6, 8}}, 4)
	last := build(t, "cnn:4,5", Input{Shape: []int{6, 8, 3}, NHWC: true}, 4)
	rng := rand.New(rand.NewPCG(8, 9))
	const n = 3
	nchw, nhwc := make([]float32, n*144), make([]float32, n*144)
	for i := range nchw {
		image, c, pixel := i/144, i/48%3, i%48
		nchw[i] = float32(rng.NormFloat64())
		nhwc[image*144+pixel*3+c] = nchw[i]
	}
	a, b := make([]float32, 4*n), make([]float32, 4*n)
	ctx := context.Background()
	if first.Predict(ctx, nchw, n, a) != nil || last.Predict(ctx, nhwc, n, b) != nil || !slices.Equal(a, b) {
		t.Errorf("channels first %v, last %v", a, b)
	}
}

func TestRefuses(t *testing.T) {
	deep := "mlp:" + strings.Repeat("1,", 70) + "1"
	for _, c := range []struct {
		spec    string
		in      Input
		classes int
		want    string
	}{
		{"teapot:8", image, 4, "cnn, lenet, linear, mlp, mobilenetv2, resnetD, transformer, vggD, wrn-D-K"},
		{"", image, 4, "cnn, lenet, linear, mlp"},
		{"resnet", image, 4, "resnetD"},
		{"resnetD", image, 4, "resnetD"},
		{"resnet21", image, 4, "6n+2"},
		{"resnet2", image, 4, "6n+2"},
		{"resnet1202", image, 4, "200"},
		{"resnet020", image, 4, "names no architecture"},
		{"resnet99999999999999999999", image, 4, "names no architecture"},
		{"resnet8x0", image, 4, "names no architecture"},
		{"resnet8x4x4", image, 4, "names no architecture"},
		{"resnet194x99", image, 4, "parameters"},
		{"resnet8:4", image, 4, "has sizes"},
		{"mlp:8,mlp:16", image, 4, "between semicolons"},
		{"mlp:8,resnet20", image, 4, "between semicolons"},
		{"resnet8?zero=2", image, 4, "zero"},
		{"resnet8?init=heh", image, 4, "glorot, he, he-out"},
		{"resnet8?init=", image, 4, "glorot, he, he-out"},
		{"resnet8", Input{Shape: []int{192}}, 4, "images"},
		{"wrn-16", image, 4, "wrn-D-K"},
		{"wrn-16-0", image, 4, "wrn-D-K"},
		{"wrn-16--2", image, 4, "wrn-D-K"},
		{"wrn-17-2", image, 4, "6n+4"},
		{"wrn-4-2", image, 4, "6n+4"},
		{"wrn-196-99", image, 4, "parameters"},
		{"wrn-16-2?dropout=2", image, 4, "dropout"},
		{"wrn-16-2", Input{Shape: []int{4, 3}}, 4, "images"},
		{"vgg", image, 4, "vggD"},
		{"vgg12", image, 4, "8, 11, 13, 16 or 19"},
		{"vgg8", Input{Shape: []int{4}}, 4, "images"},
		{"mobilenetv2:0", image, 4, "0.05"},
		{"mobilenetv2:NaN", image, 4, "NaN"},
		{"mobilenetv2:1e999", image, 4, "1e999"},
		{"mobilenetv2:-1", image, 4, "-1"},
		{"mobilenetv2:0.5,0.5", image, 4, "one width"},
		{"mobilenetv2:16", image, 4, "parameters"},
		{"mobilenetv2", Input{Shape: []int{4}}, 4, "images"},
		{"cnn?norm=1", image, 4, "cnn:16,32"},
		{"cnn?hidden=9", image, 4, "cnn:16,32"},
		{"transformer", image, 4, "transformer:64,4,4"},
		{"transformer:8", image, 4, "transformer:64,4,4"},
		{"transformer:8,2,3", image, 4, "divide"},
		{"transformer:8,65,2", image, 4, "64"},
		{"transformer:8,2,0", image, 4, `"0"`},
		{"transformer:8,2,2?patch=0", image, 4, "patch"},
		{"transformer:8,2,2?patch=1.5", image, 4, "whole"},
		{"transformer:8,2,2?patch=1", Input{Shape: []int{1, 65, 65}}, 4, "4096"},
		{"transformer:8,2,2?patch=1", Input{Shape: []int{4097}}, 4, "4096"},
		{"transformer:8,2,2", Input{Shape: []int{4097, 2}}, 4, "4096"},
		{"transformer:8,2,2?patch=2", Input{Shape: []int{4, 2}}, 4, "rows"},
		{"transformer:65536,2,2", image, 4, "parameters"},
		{"transformer:4096,64,2", image, 4, "parameters"},
		{"mlp", image, 4, "mlp:800,800"},
		{"mlp:0", image, 4, `"0"`},
		{"mlp:-3", image, 4, `"-3"`},
		{"mlp:8,,8", image, 4, `""`},
		{"mlp:99999999999999999999", image, 4, "65536"},
		{"mlp:65536,65536,65536", image, 4, "parameters"},
		{deep, image, 4, "at most 64"},
		{"mlp:8?dropout=1", image, 4, "dropout"},
		{"mlp:8?dropout=NaN", image, 4, "dropout"},
		{"mlp:8?norm=maybe", image, 4, "norm"},
		{"mlp:8?colour=red", image, 4, "colour"},
		{"mlp:8?norm=1&norm=1", image, 4, "norm"},
		{"mlp:8?%zz", image, 4, "options"},
		{"linear:4", image, 4, "linear"},
		{"cnn:8", Input{Shape: []int{4}}, 4, "images"},
		{"lenet", Input{Shape: []int{1, 8, 8}}, 4, "12×12"},
		{"mlp:8", Input{}, 4, "shape"},
		{"mlp:8", Input{Shape: []int{0, 4}}, 4, "shape"},
		{"mlp:8", Input{Shape: []int{1 << 20, 1 << 20}}, 4, "shape"},
		{"mlp:8", Input{Shape: []int{3, 2, 2}, Scale: []float32{1, 2}}, 4, "input_scale"},
		{"mlp:8", Input{Shape: []int{2}, Shift: []float32{float32(math.NaN())}}, 4, "input_shift"},
		{"mlp:8", image, 0, "classes"},
		{"mlp:8", image, 1 << 30, "classes"},
	} {
		_, err := Build(c.spec, c.in, c.classes, 1)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Usage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q %v %d: %v, want a usage error that says %q", c.spec, c.in.Shape, c.classes, err, c.want)
		}
	}
}

func ExampleBuild() {
	m, err := Build("mlp:800,800", Input{Shape: []int{784}}, 10, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	n, _ := Count(m)
	fmt.Println(n, "parameters, output", m.Graph.Outputs[0].Name)
	// Output: 1276810 parameters, output logits
}
