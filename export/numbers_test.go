package export

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// TestCompareNumbers: a tolerance means the same in any unit, in every column,
// and far from 0.
func TestCompareNumbers(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name    string
		z, r    []float32 // rows of 2
		outside int
		worst   int
	}{
		{"equal", []float32{1, 10, 3, 30}, []float32{1, 10, 3, 30}, 0, 0},
		{"none", nil, nil, 0, 0},
		{"inside, in deviations of 1 and 1000", []float32{-1, -1000, 1, 1000}, []float32{-1, -1000.1, 1.0001, 1000}, 0, 1},
		{"outside in the small column", []float32{-1, -1000, 1, 1000}, []float32{-1, -1000, 1.0002, 1000}, 1, 1},
		{"outside in the large column", []float32{-1, -1000, 1, 1000}, []float32{-1, -1000.2, 1, 1000}, 1, 0},
		{"tiny units", []float32{-1e-6, 0, 1e-6, 0}, []float32{-1e-6, 0, 1.001e-6, 0}, 1, 1},
		{"the last place far from 0", []float32{1e6, 1, 1e6 + 0.125, 1}, []float32{1e6 + 0.0625, 1, 1e6 + 0.125, 1}, 0, 0},
		{"more than that", []float32{1e6, 1, 1e6 + 0.125, 1}, []float32{1e6 + 0.625, 1, 1e6 + 0.125, 1}, 1, 0},
		{"always the same", []float32{5, 1, 5, 2}, []float32{5, 1, 5.01, 2}, 1, 1},
		{"NaN there", []float32{1, 1, 2, 2}, []float32{1, 1, nan, 2}, 1, 1},
		{"NaN here", []float32{1, 1, nan, 2}, []float32{1, 1, 2, 2}, 1, 1},
		{"Inf on both", []float32{1, 1, inf, 2}, []float32{1, 1, inf, 2}, 1, 1},
	} {
		p := Parity{Tolerance: DefaultTolerance, task: dataset.Regression}
		p.compareNumbers(c.z, c.r, 2)
		if p.Outside != c.outside || p.Worst != c.worst || p.Flips != 0 {
			t.Errorf("%s: %d rows outside, worst %d, %d flips; expected %d, %d, 0", c.name, p.Outside, p.Worst, p.Flips, c.outside, c.worst)
		}
		if _, err := json.Marshal(p); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	p := Parity{Tolerance: DefaultTolerance}
	p.compareNumbers([]float32{-1000, 1000}, []float32{-1000, 1001}, 1)
	if math.Abs(p.MaxAbs-1e-3) > 1e-9 {
		t.Errorf("a difference of 1 of deviation 1000 is %v deviations", p.MaxAbs)
	}
}

// TestFlipsOfLabels: a row flips when one of its labels does.
func TestFlipsOfLabels(t *testing.T) {
	p := Parity{Tolerance: Tolerance{Abs: 1}, task: dataset.MultiLabel}
	p.compare([]float32{0.1, 2, 1, 3}, []float32{-0.1, 2, 1.5, 2.5}, 2, 0)
	if p.Flips != 1 || p.Outside != 0 {
		t.Errorf("%d rows flip, %d are outside, expected 1 and 0", p.Flips, p.Outside)
	}
}
