package metrics

import (
	"math"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
)

// TestBalance holds counts and masses to figures worked out by hand: softmax of
// (log 1, log 2, log 5) is (1, 2, 5)/8.
func TestBalance(t *testing.T) {
	l := func(v ...float64) (z []float32) {
		for _, x := range v {
			z = append(z, float32(math.Log(x)))
		}
		return z
	}
	b, err := NewBalance(dataset.MultiClass, 3, true)
	if err != nil {
		t.Fatal(err)
	}
	b.Add(2, []int32{2, Unlabelled}, nil, append(l(1, 2, 5), l(2, 2, 1)...))
	b.Add(2, []int32{0, 2}, nil, append(l(1, 1, 2), 1000, -1000, 0))
	s := b.Balance()
	if s.N != 4 || s.Labelled != 3 || !slices.Equal(s.Known, []int{1, 0, 2}) || !slices.Equal(s.Answered, []int{2, 0, 2}) {
		t.Errorf("%+v", s)
	}
	for k, want := range []float64{(1./8 + 2./5 + 1./4 + 1) / 4, (2./8 + 2./5 + 1./4) / 4, (5./8 + 1./5 + 2./4) / 4} {
		if math.Abs(s.Mass[k]-want) > 1e-7 {
			t.Errorf("class %d has a mass of %v, expected %v", k, s.Mass[k], want)
		}
	}

	nan := float32(math.NaN())
	b, err = NewBalance(dataset.MultiLabel, 2, true)
	if err != nil {
		t.Fatal(err)
	}
	b.Add(3, nil, []float32{1, 0, nan, nan, 1, nan}, []float32{0, float32(math.Log(3)), -1000, 1000, float32(-math.Log(3)), 0})
	s = b.Balance()
	if s.N != 3 || s.Labelled != 2 || !slices.Equal(s.Known, []int{2, 0}) || !slices.Equal(s.Answered, []int{0, 2}) {
		t.Errorf("%+v", s)
	}
	for k, want := range []float64{(0.5 + 0 + 0.25) / 3, (0.75 + 1 + 0.5) / 3} {
		if math.Abs(s.Mass[k]-want) > 1e-7 {
			t.Errorf("label %d has a mass of %v, expected %v", k, s.Mass[k], want)
		}
	}
	b, _ = NewBalance(dataset.MultiClass, 2, false)
	if b.Add(1, []int32{1}, nil, nil); b.Balance().Answered != nil || b.Balance().Known[1] != 1 {
		t.Errorf("without a teacher: %+v", b.Balance())
	}
	if _, err := NewBalance(dataset.Regression, 2, true); err == nil {
		t.Error("numbers have a balance")
	}
}
