package dataset

import (
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
	}
	for _, text := range []string{"CHW", "scale=", "scale=0", "scale=x", "scale=1/", "mean=1,,2", "std=", "resize=32", "resize=axb", "crop=3", "NCHW NHWC", "scale=1 scale=1", "channels=2", "channels=x", "bgr=1", "bgr bgr", "BGR"} {
		if _, err := ParsePreprocess(text); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "expected") {
			t.Errorf("%q: %v, expected a usage fault", text, err)
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
