package teacher

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/onnx"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

func TestWithoutLabels(t *testing.T) {
	src := unlabelled(greys(120, 1))
	limited := func(v float32) float32 { return unitOf["symmetric"](max(-1, min(1, v))) }
	c := detect(t, greyFake(onnx.Float32, limited, Probabilities, -1, side*side).teach(t, Options{}), src)
	if c.Range == "raw" || c.Accuracy != nil || c.Classes != kind {
		t.Errorf("got\n%v", c)
	}
	says(t, c, "warning", "is a guess")
	for _, name := range []string{"raw", "unit", "standard"} {
		c := detect(t, greyFake(onnx.Float32, unitOf["symmetric"], Probabilities, -1, side*side).teach(t, Options{Input: name}), src)
		if c.Range != name {
			t.Errorf("asked for %s, got %s", name, c.Range)
		}
	}
	x := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side).teach(t, Options{Input: "imagenet"})
	_, err := x.Detect(context.Background(), src)
	faulttest.Want(t, err, fault.Usage, "imagenet does not apply")
}

func TestPick(t *testing.T) {
	rights := func(n, of int) []bool {
		r := make([]bool, of)
		for i := range n {
			r[i] = true
		}
		return r
	}
	labelled := func(n ...int) []verdict {
		v := make([]verdict, len(n))
		for i, right := range n {
			if right >= 0 {
				v[i] = verdict{usable: true, right: rights(right, 512), accuracy: float64(right) / 512}
			}
		}
		return v
	}
	for _, c := range []struct {
		v     []verdict
		best  int
		close bool
	}{
		{labelled(507, 58, 300), 0, false},
		{labelled(481, 314, 475, 510), 3, false},
		{labelled(503, 503, 503), 0, false},
		{labelled(503, 508), 0, true}, // five rows more are no clear win
		{labelled(-1, 100, -1), 1, false},
		{labelled(-1, -1), -1, false},
		{[]verdict{{usable: true, informed: 1}, {usable: true, informed: 1.01}, {usable: true, informed: 1.5}}, 2, false},
		{[]verdict{{usable: true, informed: 1}, {usable: true, informed: 1.01}}, 0, false},
	} {
		if best, close := pick(c.v); best != c.best || close != c.close {
			t.Errorf("got %d %v, expected %d %v", best, close, c.best, c.close)
		}
	}
}

func TestGivenPreprocess(t *testing.T) {
	src := greys(120, 1)
	pre := dataset.Preprocess{Scale: 1.0 / 255, Mean: []float32{0.5}, Std: []float32{0.25}}
	x := greyFake(onnx.Float32, func(v float32) float32 { return v/4 + 0.5 }, Logits, -1, 1, side, side).teach(t, Options{Preprocess: &pre})
	c := detect(t, x, src)
	want := pre
	want.Layout = dataset.NCHW
	if d := cmp.Diff(want, c.Preprocess); d != "" || *c.Accuracy < 0.99 {
		t.Errorf("%s\n%v", d, c)
	}
	pre.Resize = []int{3, 3}
	_, err := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, 1, side, side).teach(t, Options{Preprocess: &pre}).Detect(context.Background(), src)
	faulttest.Want(t, err, fault.Usage, "none takes what the preprocessing \"resize to 3×3", "(6, 6, 1)")
}

// TestUnitRows reads rows that are stored as 0..1.
func TestUnitRows(t *testing.T) {
	src := greys(120, 1)
	src.spec.DType = dataset.Float32
	for i := range src.x {
		src.x[i] /= 255
	}
	for want, toUnit := range map[string]func(float32) float32{"raw": unitOf["unit"], "bytes": unitOf["raw"], "symmetric": unitOf["symmetric"]} {
		c := detect(t, greyFake(onnx.Float32, toUnit, Logits, -1, side*side).teach(t, Options{}), src)
		if c.Range != want || *c.Accuracy < 0.99 {
			t.Errorf("want %s, got\n%v", want, c)
		}
	}
}

// TestConstantIsNoBetter has a teacher that finds most of a rare class, at the
// price of some of the common one. Standardised rows, with which it always says
// the common one, are right more often, and no better.
func TestConstantIsNoBetter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	src := &memory{spec: dataset.Spec{Shape: []int{2}, DType: dataset.Float32, Columns: []string{"a", "b"}, Classes: []string{"common", "rare"}}}
	for range 3000 {
		y, mean := int32(0), 100.0
		if rng.IntN(20) == 0 {
			y, mean = 1, 103
		}
		src.x = append(src.x, float32(mean+rng.NormFloat64()), float32(rng.IntN(7)))
		src.y = append(src.y, y)
	}
	f := &fake{inputs: []ort.Info{tensor("x", onnx.Float32, -1, 2)}, outputs: []ort.Info{tensor("y", onnx.Float32, -1, 2)}}
	f.f = func(in []ort.Value, n int) ([]ort.Value, error) {
		x, out := floatsOf(in[0]), []float32(nil)
		for r := range n {
			out = append(out, 0, x[2*r]-101.2)
		}
		return []ort.Value{value(onnx.Float32, out, int64(n), 2)}, nil
	}
	c, err := f.teach(t, Options{}).Detect(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	if c.Range != "raw" {
		t.Errorf("got %q:\n%v", c.Range, c)
	}
}
