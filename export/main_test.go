package export

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/distill/loss"
	"github.com/kdonnx/kdonnx/models"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
	"github.com/kdonnx/kdonnx/student"
	"github.com/kdonnx/kdonnx/student/optim"
)

func TestMain(m *testing.M) {
	ort.MaybeServeWorker()
	if err := Ready(""); err != nil {
		fmt.Fprintf(os.Stderr, "%v\nthese tests need ONNX Runtime: make test installs it and runs them\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const classes = 5

// A zooCase is a student of the zoo and what it is fed.
type zooCase struct {
	name string
	spec string
	in   models.Input
}

// ramp is n values from lo to hi.
func ramp(n int, lo, hi float32) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = lo + (hi-lo)*float32(i)/float32(max(n-1, 1))
	}
	return v
}

// zoo lists every architecture with its options over flat rows and images of
// both layouts, normalised by nothing, one value, one a channel, one a feature.
func zoo() []zooCase {
	inputs := []struct {
		name string
		in   models.Input
	}{
		{"flat", models.Input{Shape: []int{12}}},
		{"flat,feature", models.Input{Name: "x", Shape: []int{12}, Scale: ramp(12, 0.005, 0.02), Shift: ramp(12, -1, 1)}},
		{"nchw,scalar", models.Input{Shape: []int{1, 13, 12}, Scale: []float32{1.0 / 255}}},
		{"nchw,channel", models.Input{Shape: []int{3, 12, 12}, Scale: []float32{0.01, 0.02, 0.015}, Shift: []float32{-1, 0.5, -2}}},
		{"nchw,feature", models.Input{Shape: []int{2, 12, 12}, Scale: ramp(288, 0.005, 0.02), Shift: ramp(288, -2, 1)}},
		{"nhwc,scalar", models.Input{Name: "pixels", Shape: []int{12, 14, 3}, NHWC: true, Scale: []float32{1.0 / 255}, Shift: []float32{-0.5}}},
		{"nhwc,channel", models.Input{Shape: []int{12, 12, 3}, NHWC: true, Scale: []float32{0.01, 0.02, 0.015}, Shift: []float32{-1, 0.5, -2}}},
		{"nhwc,feature", models.Input{Shape: []int{12, 12, 2}, NHWC: true, Scale: ramp(288, 0.005, 0.02)}},
	}
	specs := []string{
		"linear", "mlp:7", "mlp:33,16,9?norm=1&dropout=0.3", "mlp:64,64?dropout=0.5",
		"cnn:4", "cnn:5,6?norm=1&dropout=0.25&hidden=20", "cnn:3?hidden=0&norm=1", "lenet", "lenet?dropout=0.25",
		"transformer:12,2,3?dropout=0.25", "transformer:8,1,2?patch=5",
	}
	deep := []string{"cnn", "resnet8?zero=1", "wrn-10-1?dropout=0.25", "mobilenetv2:0.1?dropout=0.25"}
	var out []zooCase
	for _, in := range inputs {
		for _, spec := range specs {
			if len(in.in.Shape) == 1 && (strings.HasPrefix(spec, "cnn") || strings.HasPrefix(spec, "lenet")) {
				continue
			}
			out = append(out, zooCase{spec + " " + in.name, spec, in.in})
		}
		if in.name == "nchw,scalar" || in.name == "nhwc,channel" {
			for _, spec := range deep {
				out = append(out, zooCase{spec + " " + in.name, spec, in.in})
			}
		}
	}
	return out
}

// largeIn is what the large examples of the zoo are fed: small images.
var largeIn = models.Input{Shape: []int{3, 9, 8}, Scale: []float32{1.0 / 255}}

// zooExamples are the examples that the zoo lists, without the largest, which
// only repeat the blocks of others.
func zooExamples(t testing.TB) []zooCase {
	t.Helper()
	var out []zooCase
	for _, a := range models.List() {
		for _, e := range a.Examples {
			s, err := a.Summarise(e)
			if err != nil {
				t.Fatal(err)
			}
			if s.Params > 5_000_000 {
				continue
			}
			in := models.Input{Shape: []int{1, 28, 28}, Scale: []float32{1.0 / 255}}
			if s.FLOPs > 10_000_000 {
				in = largeIn
			}
			out = append(out, zooCase{e + " example", e, in})
		}
	}
	return out
}

// size is the number of values of one row.
func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// rows draws n rows of d values from 0 to 255, brighter to the end of a row.
func rows(n, d int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 11))
	x := make([]float32, n*d)
	for i := range x {
		x[i] = float32(int(255 * rng.Float64() * (0.3 + 0.7*float64(i%d)/float64(d))))
	}
	return x
}

// zooStudents are the trained students of zoo, by name, for tests that only
// read them.
var zooStudents = map[string]*student.Student{}

// ofZoo is trained, done once.
func ofZoo(t testing.TB, c zooCase) *student.Student {
	t.Helper()
	if zooStudents[c.name] == nil {
		zooStudents[c.name] = trained(t, c)
	}
	return zooStudents[c.name]
}

// trained builds a student and takes some steps with it, so that biases and
// running statistics are what training makes them.
func trained(t testing.TB, c zooCase) *student.Student {
	t.Helper()
	m, err := models.Build(c.spec, c.in, classes, 3)
	if err != nil {
		t.Fatal(err)
	}
	st := fromModel(t, m)
	opt, err := optim.New("nesterov", optim.Settings{ClipNorm: 1})
	if err != nil {
		t.Fatal(err)
	}
	batch, steps := 16, 6
	if slices.Equal(c.in.Shape, largeIn.Shape) {
		batch, steps = 4, 2
	}
	tr, err := student.NewTrainer(st, opt, batch, 5)
	if err != nil {
		t.Fatal(err)
	}
	hard := loss.NewHardLabel()
	labels := make([]int32, batch)
	for step := range steps {
		for i := range labels {
			labels[i] = int32((i*i + step) % classes)
		}
		_, err := tr.Step(rows(batch, size(c.in.Shape), uint64(step)), batch, func(z, dz []float32) float64 {
			return hard.Eval(loss.Batch{N: batch, C: classes, Student: z, Labels: labels}, dz).Total
		}, 0.02)
		if err != nil {
			t.Fatalf("%s: step %d: %v", c.name, step, err)
		}
	}
	return st
}

// mustBytes is Bytes without metadata.
func mustBytes(t testing.TB, st *student.Student, metadata ...onnx.Entry) []byte {
	t.Helper()
	data, err := Bytes(st, metadata)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wantEmpty requires that a folder holds nothing, no temporary either.
func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s was left behind", e.Name())
	}
}

func fromModel(t testing.TB, m *onnx.Model) *student.Student {
	t.Helper()
	st, err := student.FromModel(m, "student.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return st
}
