package export

import (
	"encoding/json"
	"math"
	"testing"
)

func TestCompare(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	const big = math.MaxFloat64
	tol := Tolerance{Abs: 0.125, Rel: 0.25}
	above := math.Nextafter32(1.125, 2)
	for _, c := range []struct {
		name           string
		z, r           []float32 // rows of 2
		maxAbs, maxRel float64
		flips, outside int
		worst          int
	}{
		{"equal", []float32{1, 2}, []float32{1, 2}, 0, 0, 0, 0, 10},
		{"none", nil, nil, 0, 0, 0, 0, 10},
		{"all zero", []float32{0, 0}, []float32{0, 0}, 0, 0, 0, 0, 10},
		{"signed zero", []float32{0, 0}, []float32{float32(math.Copysign(0, -1)), 0}, 0, 0, 0, 0, 10},
		{"zero row inside", []float32{0, 0}, []float32{0.125, 0}, 0.125, 0, 0, 0, 10},
		{"zero row outside", []float32{0, 0}, []float32{0, 0.25}, 0.25, 0, 1, 1, 10},
		{"on the boundary", []float32{4, 1}, []float32{4, 2.125}, 1.125, 0.28125, 0, 0, 10},
		{"past the boundary", []float32{4, 0}, []float32{4, above}, float64(above), float64(above) / 4, 0, 1, 10},
		{"largest is of the native row", []float32{1, 0}, []float32{100, 0}, 99, 99, 0, 1, 10},
		{"negative logits", []float32{-8, -4}, []float32{-8, -5}, 1, 0.125, 0, 0, 10},
		{"flip inside", []float32{4, 4.125}, []float32{4.125, 4}, 0.125, 0.125 / 4.125, 1, 0, 10},
		{"NaN native", []float32{nan, 1}, []float32{0, 1}, big, big, 1, 1, 10},
		{"NaN there", []float32{0, 1}, []float32{nan, 1}, big, big, 1, 1, 10},
		{"NaN both", []float32{nan, nan}, []float32{nan, nan}, big, big, 0, 1, 10},
		{"Inf native", []float32{inf, 1}, []float32{9, 1}, big, big, 0, 1, 10},
		{"Inf there", []float32{9, 1}, []float32{inf, 1}, big, big, 0, 1, 10},
		{"Inf both", []float32{inf, 1}, []float32{inf, 1}, big, big, 0, 1, 10},
		{"minus Inf", []float32{1, -inf}, []float32{1, -inf}, big, big, 0, 1, 10},
		{"worst is the row farthest outside", []float32{1000, 0, 1, 0, 1, 0}, []float32{1100, 0, 2, 0, 1.5, 0}, 100, 1, 0, 2, 11},
		{"a later NaN is worst", []float32{1, 0, nan, 0}, []float32{99, 0, 0, 0}, big, big, 0, 2, 11},
		{"extremes do not overflow", []float32{math.MaxFloat32, 0}, []float32{-math.MaxFloat32, 0}, 2 * math.MaxFloat32, 2, 1, 1, 10},
	} {
		p := Parity{Tolerance: tol}
		p.compare(c.z, c.r, 2, 10)
		if p.excess == 0 {
			p.Worst = 10
		}
		if p.MaxAbs != c.maxAbs || p.MaxRel != c.maxRel || p.Flips != c.flips || p.Outside != c.outside || p.Worst != c.worst {
			t.Errorf("%s: got |Δ| %g rel %g flips %d outside %d worst %d, want %g %g %d %d %d", c.name,
				p.MaxAbs, p.MaxRel, p.Flips, p.Outside, p.Worst, c.maxAbs, c.maxRel, c.flips, c.outside, c.worst)
		}
		if _, err := json.Marshal(p); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestCompareInPieces requires that pieces add up to the whole.
func TestCompareInPieces(t *testing.T) {
	z, r := []float32{1, 0, 5, 6, 0, 0}, []float32{1.5, 0, 7, 6, 0.0625, 0}
	whole, pieces := Parity{Tolerance: Tolerance{Abs: 0.125, Rel: 0.25}}, Parity{Tolerance: Tolerance{Abs: 0.125, Rel: 0.25}}
	whole.compare(z, r, 2, 0)
	for i := range 3 {
		pieces.compare(z[2*i:2*i+2], r[2*i:2*i+2], 2, i)
	}
	if whole != pieces || whole.Outside != 2 || whole.Flips != 1 || whole.Worst != 0 {
		t.Errorf("whole %+v, pieces %+v", whole, pieces)
	}
}

// TestOnlyRelative has a tolerance of 0 for rows of zeros.
func TestOnlyRelative(t *testing.T) {
	p := Parity{Tolerance: Tolerance{Rel: 1e-3}}
	p.compare([]float32{0, 0, 0, 0}, []float32{0, 0, 0, 1e-30}, 2, 0)
	if p.Outside != 1 || p.Worst != 1 {
		t.Errorf("%+v", p)
	}
}
