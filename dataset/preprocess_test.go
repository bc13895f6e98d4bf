package dataset_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

func imageSpec(h, w, c int) dataset.Spec {
	return dataset.Spec{Shape: []int{h, w, c}, Image: true, DType: dataset.Uint8}
}

func tableSpec(d int) dataset.Spec { return dataset.Spec{Shape: []int{d}, DType: dataset.Float32} }

func TestPreprocess(t *testing.T) {
	two := []float32{1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60} // (2, 3, 2)
	for name, c := range map[string]struct {
		p     dataset.Preprocess
		spec  dataset.Spec
		in    []float32
		shape []int
		out   []float32
		text  string
	}{
		"flat table": {dataset.Preprocess{Layout: dataset.Flat}, tableSpec(3), []float32{1, 2, 3}, []int{3}, []float32{1, 2, 3}, "flat"},
		"standardised": {dataset.Preprocess{Layout: dataset.Flat, Mean: []float32{1, 2, 3}, Std: []float32{1, 2, 4}}, tableSpec(3),
			[]float32{2, 6, 11}, []int{3}, []float32{1, 2, 2}, "(x − [1 2 3]) / [1 2 4], flat"},
		"one value for all": {dataset.Preprocess{Layout: dataset.Flat, Scale: 2, Mean: []float32{1}, Std: []float32{2}}, tableSpec(2),
			[]float32{2, 6}, []int{2}, []float32{1.5, 5.5}, "(x·2 − 1) / 2, flat"},
		"NHWC": {dataset.Preprocess{Layout: dataset.NHWC, Scale: 2}, imageSpec(2, 3, 2), two, []int{2, 3, 2},
			[]float32{2, 20, 4, 40, 6, 60, 8, 80, 10, 100, 12, 120}, "x·2, NHWC"},
		"NCHW": {dataset.Preprocess{Layout: dataset.NCHW, Mean: []float32{1, 10}, Std: []float32{1, 10}}, imageSpec(2, 3, 2), two, []int{2, 2, 3},
			[]float32{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}, "(x − [1 10]) / [1 10], NCHW"},
		"flat image": {dataset.Preprocess{Layout: dataset.Flat}, imageSpec(2, 3, 2), two, []int{12},
			[]float32{1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60}, "flat"},
		"NHWC with means": {dataset.Preprocess{Layout: dataset.NHWC, Mean: []float32{0, 10}}, imageSpec(2, 3, 2), two, []int{2, 3, 2},
			[]float32{1, 0, 2, 10, 3, 20, 4, 30, 5, 40, 6, 50}, "x − [0 10], NHWC"},
		"enlarged": {dataset.Preprocess{Layout: dataset.NHWC, Resize: []int{1, 4}}, imageSpec(1, 2, 1), []float32{0, 8}, []int{1, 4, 1},
			[]float32{0, 2, 6, 8}, "resize to 1×4, NHWC"},
		"shrunk": {dataset.Preprocess{Layout: dataset.NHWC, Resize: []int{1, 2}}, imageSpec(1, 4, 1), []float32{0, 0, 7, 7}, []int{1, 2, 1},
			[]float32{1, 6}, "resize to 1×2, NHWC"}, // weights 3, 3, 1 of 7
		"grey to three channels": {dataset.Preprocess{Layout: dataset.NCHW, Channels: 3, Mean: []float32{0, 1, 2}}, imageSpec(1, 2, 1), []float32{5, 7}, []int{3, 1, 2},
			[]float32{5, 7, 4, 6, 3, 5}, "3 channels, x − [0 1 2], NCHW"},
		"grey resized to three channels": {dataset.Preprocess{Layout: dataset.NHWC, Channels: 3, Resize: []int{1, 2}}, imageSpec(1, 4, 1), []float32{0, 0, 7, 7}, []int{1, 2, 3},
			[]float32{1, 1, 1, 6, 6, 6}, "resize to 1×2, 3 channels, NHWC"},
		"luminance": {dataset.Preprocess{Layout: dataset.NCHW, Channels: 1}, imageSpec(1, 2, 3), []float32{255, 0, 0, 10, 100, 200}, []int{1, 1, 2},
			[]float32{76.245, 84.49}, "luminance, NCHW"},
		"BGR": {dataset.Preprocess{Layout: dataset.NCHW, BGR: true, Scale: 2}, imageSpec(1, 2, 3), []float32{1, 2, 3, 4, 5, 6}, []int{3, 1, 2},
			[]float32{6, 12, 4, 10, 2, 8}, "BGR, x·2, NCHW"},
		"transposed": {dataset.Preprocess{Layout: dataset.NHWC, Transpose: true}, imageSpec(2, 3, 2), two, []int{3, 2, 2},
			[]float32{1, 10, 4, 40, 2, 20, 5, 50, 3, 30, 6, 60}, "transpose, NHWC"},
		"transposed, resized, in another order": {dataset.Preprocess{Layout: dataset.NCHW, Transpose: true, Resize: []int{1, 2}, BGR: true, Scale: 2}, imageSpec(2, 1, 3),
			[]float32{1, 2, 3, 4, 5, 6}, []int{3, 1, 2}, []float32{6, 12, 4, 10, 2, 8}, "transpose, resize to 1×2, BGR, x·2, NCHW"},
		"shrunk to one": {dataset.Preprocess{Layout: dataset.NCHW, Resize: []int{1, 1}}, imageSpec(2, 2, 1), []float32{1, 2, 3, 6}, []int{1, 1, 1},
			[]float32{3}, "resize to 1×1, NCHW"},
	} {
		l, err := c.p.Compile(c.spec)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(l.OutShape(), c.shape) || c.p.String() != c.text {
			t.Errorf("%s: shape %v, text %q, want %v, %q", name, l.OutShape(), c.p.String(), c.shape, c.text)
		}
		const n = 3
		out := make([]float32, n*l.OutSize())
		l.Apply(out, slices.Repeat(c.in, n), n)
		for i, v := range slices.Repeat(c.out, n) {
			if math.Abs(float64(v-out[i])) > 1e-5 {
				t.Errorf("%s: got %v, want %v", name, out, c.out)
				break
			}
		}
	}
}

// TestResizeKeepsConstants holds that the weights of a pixel sum to 1, and
// that mirroring and resizing commute.
func TestResizeKeepsConstants(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		h, w, oh, ow := 1+r.IntN(12), 1+r.IntN(12), 1+r.IntN(12), 1+r.IntN(12)
		l := must(dataset.Preprocess{Layout: dataset.NHWC, Resize: []int{oh, ow}}.Compile(imageSpec(h, w, 1)))
		flat := slices.Repeat([]float32{7}, h*w)
		x := make([]float32, h*w)
		for i := range x {
			x[i] = r.Float32()
		}
		mirrored := slices.Clone(x)
		slices.Reverse(mirrored)
		a, b, c := make([]float32, oh*ow), make([]float32, oh*ow), make([]float32, oh*ow)
		l.Apply(a, flat, 1)
		l.Apply(b, x, 1)
		l.Apply(c, mirrored, 1)
		slices.Reverse(c)
		for i := range a {
			if math.Abs(float64(a[i]-7)) > 1e-5 || math.Abs(float64(b[i]-c[i])) > 1e-5 {
				t.Fatalf("%d×%d to %d×%d: constant %v, value %v, mirrored %v", h, w, oh, ow, a[i], b[i], c[i])
			}
		}
	}
}

func TestPreprocessRefuses(t *testing.T) {
	nan := float32(math.NaN())
	for want, c := range map[string]struct {
		p    dataset.Preprocess
		spec dataset.Spec
	}{
		`preprocess.layout: got "", expected NCHW, NHWC or flat`:                        {dataset.Preprocess{}, imageSpec(2, 2, 1)},
		`preprocess.layout: NCHW for a table of 4 features, expected flat`:              {dataset.Preprocess{Layout: dataset.NCHW}, tableSpec(4)},
		`preprocess.resize: rows are a table of 4 features, expected images`:            {dataset.Preprocess{Layout: dataset.Flat, Resize: []int{2, 2}}, tableSpec(4)},
		`preprocess.resize: got [2], expected (H, W) with each from 1 to 16384`:         {dataset.Preprocess{Layout: dataset.NCHW, Resize: []int{2}}, imageSpec(2, 2, 1)},
		`preprocess.resize: got [2 1000000], expected (H, W) with each from 1 to 16384`: {dataset.Preprocess{Layout: dataset.NCHW, Resize: []int{2, 1e6}}, imageSpec(2, 2, 1)},
		`preprocess.transpose: rows are a table of 4 features, expected images`:         {dataset.Preprocess{Layout: dataset.Flat, Transpose: true}, tableSpec(4)},
		`preprocess.mean: 2 values for 3 channels, expected 1 or 3`:                     {dataset.Preprocess{Layout: dataset.NCHW, Mean: []float32{1, 2}}, imageSpec(2, 2, 3)},
		`preprocess.std: 2 values for 4 features, expected 1 or 4`:                      {dataset.Preprocess{Layout: dataset.Flat, Std: []float32{1, 2}}, tableSpec(4)},
		`preprocess.std[1]: got 0, expected a finite number above 0`:                    {dataset.Preprocess{Layout: dataset.Flat, Std: []float32{1, 0}}, tableSpec(2)},
		`preprocess.mean[0]: got NaN, expected a finite number`:                         {dataset.Preprocess{Layout: dataset.Flat, Mean: []float32{nan}}, tableSpec(2)},
		`preprocess.scale: got NaN, expected a finite number`:                           {dataset.Preprocess{Layout: dataset.Flat, Scale: nan}, tableSpec(2)},
	} {
		_, err := c.p.Compile(c.spec)
		if err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Usage {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
