package specialist

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
	"github.com/kdonnx/kdonnx/runtime/ort"
)

// compared is a bundle of random nets, opened, with a rival that is its generalist
// twice, on 130 rows.
func compared(t *testing.T) (*Ensemble, *Rival, EnsembleOptions) {
	b := drawn(t, rand.New(rand.NewPCG(6, 6)), 5, 2, 1, 1)
	o := EnsembleOptions{Rows: normals(rand.New(rand.NewPCG(1, 2)), 130, 6)}
	net := b.Path(b.Generalist)
	two, err := OpenRival(t.Context(), "two", []string{net, net}, b.Classes, o)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, b, o), two, o
}

// TestSpeeds times a bundle and a rival of two nets. The ensemble is the generalist
// and more, and a batch takes longer than one of its rows.
func TestSpeeds(t *testing.T) {
	e, two, o := compared(t)
	speeds, err := e.Speeds(t.Context(), []*Rival{two}, o)
	if err != nil || len(speeds.Rivals) != 1 {
		t.Fatalf("%+v, %v", speeds, err)
	}
	for _, s := range []Speed{speeds.Generalist, speeds.Together, speeds.Rivals[0]} {
		if !(s.LatencyUS > 0 && s.Rows > 0 && s.Native > 0) || s.Batch != timedBatch {
			t.Errorf("%+v", s)
		}
	}
	if g, all := speeds.Generalist, speeds.Together; !(all.LatencyUS > g.LatencyUS && all.Rows < g.Rows) {
		t.Errorf("together %+v, the generalist alone %+v", all, g)
	}
	if s := speeds.Together; !(1e6*timedBatch/s.Rows > s.LatencyUS) {
		t.Errorf("a batch takes %g us, a row %g us", 1e6*timedBatch/s.Rows, s.LatencyUS)
	}
	_, err = e.Speeds(t.Context(), nil, EnsembleOptions{Rows: &table{d: 6}, RowsName: "rows.csv"})
	faulttest.Want(t, err, fault.Input, "rows.csv", "got none")
}

// TestSides holds what is timed against who should answer: every model of a side is
// open once, and both ways give the side's own answers for the rows.
func TestSides(t *testing.T) {
	e, two, o := compared(t)
	var batch dataset.Batch
	if err := o.Rows.Read(t.Context(), []int{3, 1, 4, 15, 9, 2, 6}, &batch); err != nil {
		t.Fatal(err)
	}
	sides, err := e.sides(t.Context(), []*Rival{two}, &batch, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, s := range sides {
			s.close()
		}
	}()
	alone, together := make([]float32, batch.N*5), make([]float32, batch.N*5)
	if err := e.generalist.PredictRows(t.Context(), &batch, alone); err != nil {
		t.Fatal(err)
	}
	if err := e.predict(t.Context(), &batch, 0, together, make([]Fused, batch.N)); err != nil {
		t.Fatal(err)
	}
	near := func(got, want []float32) bool {
		for i := range want {
			if len(got) != len(want) || !(math.Abs(float64(got[i]-want[i])) < 1e-4) {
				return false
			}
		}
		return true
	}
	for i, want := range []struct {
		name   string
		models int
		z      []float32
	}{{"generalist", 1, alone}, {"together", 1, together}, {"rival", 2, alone}} {
		s := sides[i]
		if err := s.native(); err != nil || !near(s.z, want.z) {
			t.Errorf("%s, natively: %v, expected %v: %v", want.name, s.z, want.z, err)
		}
		if len(s.sessions) != want.models || len(s.rows) != want.models || len(s.batch) != want.models {
			t.Errorf("%s: %d models, expected %d", want.name, len(s.sessions), want.models)
		}
		for m, session := range s.sessions {
			out, err := session.Run(t.Context(), s.batch[m:m+1])
			if err != nil {
				t.Fatal(err)
			}
			if z, err := out[0].Float32s(); err != nil || !near(z, want.z) {
				t.Errorf("%s: %v, expected %v: %v", want.name, z, want.z, err)
			}
			for row, in := range s.rows[m] {
				out, err := session.Run(t.Context(), []ort.Value{in})
				if err != nil {
					t.Fatal(err)
				}
				if z, err := out[0].Float32s(); err != nil || !near(z, want.z[row*5:(row+1)*5]) {
					t.Errorf("%s, row %d: %v, expected %v: %v", want.name, row, z, want.z[row*5:(row+1)*5], err)
				}
			}
		}
	}
}

// TestInTurns times sides of known slowness, in their order.
func TestInTurns(t *testing.T) {
	var sides []*timed
	for _, ms := range []time.Duration{4, 1} {
		sides = append(sides, &timed{native: func() error { time.Sleep(ms * time.Millisecond); return nil }})
	}
	speeds, err := inTurns(t.Context(), sides, 8)
	if err != nil {
		t.Fatal(err)
	}
	if slow, fast := speeds[0].Native, speeds[1].Native; !(slow <= 8/4e-3 && fast <= 8/1e-3 && fast > 1.5*slow) {
		t.Errorf("%g and %g rows/s", slow, fast)
	}
	for _, s := range speeds { // without a session there is nothing to be done in ONNX Runtime
		if !(s.Rows > 10*s.Native) || s.LatencyUS > 100 || s.Batch != 8 {
			t.Errorf("%+v", s)
		}
	}
}
