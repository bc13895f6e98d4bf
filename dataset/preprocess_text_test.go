package dataset

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kdonnx/kdonnx/internal/fault"
)

func TestParsePreprocess(t *testing.T) {
	for text, want := range map[string]Preprocess{
		"":                        {},
		"NHWC":                    {Layout: NHWC},
		"scale=1/255":             {Scale: 1.0 / 255},
		"transpose NHWC":          {Layout: NHWC, Transpose: true},
		"scale=-1/127.5 mean=-1":  {Scale: -1 / 127.5, Mean: []float32{-1}},
		"bgr channels=3":          {BGR: true, Channels: 3},
		"flat scale=0.5 mean=0.1": {Layout: Flat, Scale: 0.5, Mean: []float32{0.1}},
		" std=1,2,1/2  resize=32x48 NCHW mean=-1,0,1e-3 ": {Layout: NCHW, Resize: []int{32, 48}, Mean: []float32{-1, 0, 1e-3}, Std: []float32{1, 2, 0.5}},
	} {
		got, err := ParsePreprocess(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", text, d)
		}
		back, err := ParsePreprocess(got.Text())
		if d := cmp.Diff(got, back); d != "" || err != nil {
			t.Errorf("%q written as %q: %v %s", text, got.Text(), err, d)
		}
	}
	for _, text := range []string{"CHW", "scale=", "scale=0", "scale=x", "scale=1/", "mean=1,,2", "std=", "resize=32", "resize=axb", "crop=3", "NCHW NHWC", "scale=1 scale=1", "channels=2", "channels=x", "bgr=1", "transpose=1", "transpose transpose", "bgr bgr", "BGR"} {
		if _, err := ParsePreprocess(text); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "expected") {
			t.Errorf("%q: %v, expected a usage fault", text, err)
		}
	}
}

// TestPreprocessText holds the words that people would write.
func TestPreprocessText(t *testing.T) {
	p := Preprocess{Layout: NCHW, Transpose: true, Resize: []int{2, 3}, Channels: 3, BGR: true, Scale: 1.0 / 255, Mean: []float32{0.485, -1}, Std: []float32{1, 1.0 / 3}}
	if got, want := p.Text(), "NCHW transpose resize=2x3 channels=3 bgr scale=1/255 mean=0.485,-1 std=1,1/3"; got != want {
		t.Errorf("got %q, expected %q", got, want)
	}
	if got := (Preprocess{Scale: 1 / 127.5}).Text(); got != "scale=1/127.5" {
		t.Errorf("got %q", got)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 20000 {
		v := math.Float32frombits(r.Uint32())
		if v-v != 0 {
			continue
		}
		back, err := fraction(fractionText(v))
		if err != nil || back != v {
			t.Fatalf("%v was written as %q and read as %v, %v", v, fractionText(v), back, err)
		}
	}
}

// TestParsePreprocessRefusesAtCompile holds that numbers which parse and make
// no sense are refused before a row is touched.
func TestParsePreprocessRefusesAtCompile(t *testing.T) {
	spec := Spec{Shape: []int{4, 4, 3}, Image: true, DType: Uint8}
	for _, text := range []string{"NCHW scale=1/0", "NCHW std=0", "NCHW mean=1,2", "NCHW resize=0x4", "NCHW mean=nan", "NCHW resize=-1x4", "NCHW channels=1 bgr", "NCHW channels=1 mean=1,2,3"} {
		p, err := ParsePreprocess(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if _, err := p.Compile(spec); fault.KindOf(err) != fault.Usage || err == nil {
			t.Errorf("%q: %v, expected a usage fault", text, err)
		}
	}
}
