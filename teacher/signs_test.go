package teacher

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// answers are logits of n rows of c classes whose label the teacher names with
// probability right, drawn apart by spread.
func answers(n, c int, right, margin, spread float64) (z []float32, y []int32) {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(c)))
	for r := range n {
		label := r % c
		says := label
		if rng.Float64() >= right {
			says = (label + 1) % c
		}
		for j := range c {
			v := spread * rng.NormFloat64()
			if j == says {
				v = margin
			}
			z = append(z, float32(v))
		}
		y = append(y, int32(label))
	}
	return z, y
}

func TestSigns(t *testing.T) {
	const n, c = 2000, 5
	z, y := answers(n, c, 0.9, 12, 1)
	s := readSigns(z, n, c, y)
	if math.Abs(s.accuracy-0.9) > 0.02 || s.majority != 0.2 || s.saturated < 0.99 || s.sure < 0.999 || s.constant || s.never != nil || s.smooth != 0 {
		t.Errorf("got %+v", s)
	}
	// It is right on nine in ten and as good as sure of all.
	if math.Abs(s.ece-0.1) > 0.02 {
		t.Errorf("calibration error %v", s.ece)
	}
	if len(s.confused) != c || s.confused[0].given != (s.confused[0].label+1)%c || s.confused[0].rows < s.confused[4].rows {
		t.Errorf("confused: %v", s.confused)
	}
	if s.temperature < 5 || s.temperature > 8 {
		t.Errorf("temperature %v, expected where e^(12/T) is about 16", s.temperature)
	}
	for j := range c { // every row the same
		for r := range n {
			z[r*c+j] = float32(j)
		}
	}
	if s := readSigns(z, n, c, y); !s.constant || len(s.never) != 4 || s.never[0] != 0 {
		t.Errorf("constant: %+v", s)
	}
	y = make([]int32, n)
	for i := range y {
		y[i] = -1
	}
	if s := readSigns(z, n, c, y); s.labelled != 0 || s.accuracy != 0 || s.ece != 0 {
		t.Errorf("without labels: %+v", s)
	}
}

// TestSmoothing finds label smoothing of 0.1 over ten classes, where the right
// class has 0.91 and the others 0.01 each, and finds none where the rest tells
// what the row resembles.
func TestSmoothing(t *testing.T) {
	const n, c = 500, 10
	margin := math.Log(0.91 / 0.01)
	z, y := answers(n, c, 1, margin, 0.1)
	if s := readSigns(z, n, c, y); math.Abs(s.smooth-0.1) > 0.01 {
		t.Errorf("smoothed: got %v", s.smooth)
	}
	z, y = answers(n, c, 1, margin, 2)
	if s := readSigns(z, n, c, y); s.smooth != 0 {
		t.Errorf("not smoothed: got %v", s.smooth)
	}
}

func TestNearestMean(t *testing.T) {
	const n, size, c = 600, 3, 3
	rng := rand.New(rand.NewPCG(4, 4))
	var x []float32
	y := make([]int32, n)
	for r := range n {
		y[r] = int32(r / 2 % c)
		for i := range size {
			v := rng.NormFloat64()
			if i == int(y[r]) {
				v += 4
			}
			if i == 2 {
				v *= 1000 // in another unit, which must not count for more
			}
			x = append(x, float32(v))
		}
	}
	x[5] = float32(math.NaN())
	spec := dataset.Spec{Shape: []int{size}}
	right := func(guess []int32) (share float64, asked int) {
		for r, g := range guess {
			if g >= 0 {
				asked++
				if g == y[r] {
					share++
				}
			}
		}
		return share / float64(asked), asked
	}
	if got, asked := right(nearestMean(x, spec, c, y)); asked != n/2 || got < 0.95 {
		t.Errorf("got %v of %d", got, asked)
	}
	many := slices.Clone(y)
	for r := range many {
		many[r] = int32(r)
	}
	if nearestMean(x, spec, n, many) != nil {
		t.Error("a mean of one row is none")
	}
	for r := range y {
		y[r] = int32(rng.IntN(c))
	}
	if got, _ := right(nearestMean(x, spec, c, y)); got > 0.45 {
		t.Errorf("of labels that mean nothing: got %v", got)
	}
	y[0] = c // beyond the classes
	nearestMean(x, spec, c, y)

	big := dataset.Spec{Shape: []int{100, 40, 1}, Image: true}
	var pixels []float32
	y = y[:40]
	for r := range y {
		y[r] = int32(r / 2 % 2)
		for range big.Size() {
			pixels = append(pixels, float32(y[r])*5+float32(rng.NormFloat64()))
		}
	}
	if got, asked := right(nearestMean(pixels, big, 2, y)); got != 1 || asked != 20 {
		t.Errorf("large images: got %v of %d", got, asked)
	}
}
