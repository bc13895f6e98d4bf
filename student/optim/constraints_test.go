package optim

import (
	"math"
	"slices"
	"testing"
)

func TestDecays(t *testing.T) {
	for _, c := range []struct {
		name     string
		rank     int
		patterns []string
		want     bool
	}{
		{"fc.weight", 2, nil, true}, {"conv.weight", 4, nil, true}, {"fc.bias", 1, nil, false}, {"scale", 0, nil, false},
		{"embed/table", 2, []string{"!embed*"}, false}, {"fc.bias", 1, []string{"*.bias"}, true},
		{"fc1.weight", 2, []string{"!*", "fc1.*"}, true}, {"fc2.weight", 2, []string{"!*", "fc1.*"}, false},
		{"a/b/weight", 2, []string{"!*weight"}, false}, {"weights", 2, []string{"!weight"}, true}, {"fc3", 2, []string{"!fc[1-3]"}, false},
	} {
		if got := Decays(c.name, make([]int, c.rank), c.patterns); got != c.want {
			t.Errorf("%s of rank %d with %q decays: %v", c.name, c.rank, c.patterns, got)
		}
	}
}

func TestClip(t *testing.T) {
	params := []Param{{Data: make([]float32, 1), Grad: []float32{3}}, {Data: make([]float32, 2), Grad: []float32{0, -4}}}
	if before, after := NewClipper(params, 0).Clip(); before != 5 || after != 5 {
		t.Errorf("norms are %g and %g, want 5", before, after)
	}
	if before, after := NewClipper(params, 1.5).Clip(); before != 5 || after != math.Sqrt(4.5) || params[0].Grad[0] != 1.5 || params[1].Grad[1] != -1.5 {
		t.Errorf("clipped to 1.5: norms are %g and %g, gradients %v", before, after, params)
	}
	for _, c := range []struct{ limit, want float64 }{{0, 1}, {6, 1}, {5, 1}, {2.5, 0.5}} {
		if got := ClipScale(5, c.limit); float64(got) != c.want {
			t.Errorf("scale for limit %g is %g, want %g", c.limit, got, c.want)
		}
	}
	for _, bad := range []float64{math.Inf(1), math.NaN()} {
		params[1].Grad[0] = float32(bad)
		if before, _ := NewClipper(params, 1).Clip(); before <= math.MaxFloat64 {
			t.Errorf("norm with a gradient of %g is %g", bad, before)
		}
	}
	const n = 5*pieceSize/2 + 3
	large := Param{Data: make([]float32, n), Grad: make([]float32, n)}
	want := 0.0
	for i := range large.Grad {
		large.Grad[i] = float32(i%5) - 2
		want += float64(large.Grad[i] * large.Grad[i])
	}
	if before, _ := NewClipper([]Param{params[0], large}, 0).Clip(); math.Abs(before-math.Sqrt(want+1)) > 1e-9 {
		t.Errorf("norm of many values is %g, want %g", before, math.Sqrt(want+1))
	}
}

// TestMaxNorm checks each unit of (Outer, Fan, Inner): long ones end on the
// ball in their old direction, short ones are left alone.
func TestMaxNorm(t *testing.T) {
	for _, u := range []Units{{5, 7, 1}, {1, 7, 5}, {3, 4, 6}, {3, 3 * pieceSize, 1}, {1, 100, 700}, {2, pieceSize, 33}} {
		const limit = 2.0
		w := make([]float32, u.Outer*u.Fan*u.Inner)
		for i := range w {
			unit := i/(u.Fan*u.Inner)*u.Inner + i%u.Inner
			long := 0.5 // of the limit
			if unit%2 == 1 {
				long = 3
			}
			w[i] = float32(long * limit / math.Sqrt(float64(u.Fan)))
		}
		old := slices.Clone(w)
		NewMaxNorm([]Param{{Name: "none", Data: []float32{100}}, {Data: w, Units: u}}, limit).Apply()
		for i, v := range w {
			want := old[i]
			if unit := i/(u.Fan*u.Inner)*u.Inner + i%u.Inner; unit%2 == 1 {
				want /= 3
			}
			if !(math.Abs(float64(v-want)) <= 1e-6*math.Abs(float64(want))) {
				t.Fatalf("%v: element %d is %g, want %g", u, i, v, want)
			}
		}
	}
}

// TestAverage holds the mean against its formula in float64, over a warm-up
// and beyond, and swaps.
func TestAverage(t *testing.T) {
	const n, decay = pieceSize + 5, 0.6
	w := make([]float32, n)
	a := NewAverage([]Slot{{"w", w}, {"v", make([]float32, 3)}}, decay)
	mean := 0.0
	for step := 1; step <= 12; step++ {
		for i := range w {
			w[i] = float32(step * step)
		}
		a.Update(uint64(step))
		d := min(decay, float64(1+step)/float64(10+step))
		mean = d*mean + (1-d)*float64(step*step)
		if got := float64(a.State()[0].Data[n-1]); !(math.Abs(got-mean) <= 1e-5*mean) {
			t.Fatalf("mean after step %d is %g, want %g", step, got, mean)
		}
	}
	if name := a.State()[1].Name; name != "v/ema" {
		t.Errorf("state is named %q", name)
	}
	kept := a.State()[0].Data[0]
	a.Swap()
	if w[0] != kept || a.State()[0].Data[0] != 144 {
		t.Errorf("swapped: %g and %g, want %g and 144", w[0], a.State()[0].Data[0], kept)
	}
	a.Swap()
	if w[0] != 144 {
		t.Errorf("swapped back: %g, want 144", w[0])
	}
}
