package specialist

import (
	"math/rand/v2"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/internal/fault/faulttest"
)

// TestSpeeds times a bundle and a rival of two nets: every model is open once,
// and asked, and what a rival takes is that of all its nets.
func TestSpeeds(t *testing.T) {
	b := drawn(t, rand.New(rand.NewPCG(6, 6)), 5, 2, 1, 1)
	rows := normals(rand.New(rand.NewPCG(1, 2)), 30, 6)
	e := open(t, b, EnsembleOptions{Rows: rows})
	net := b.Path(b.Generalist)
	two, err := OpenRival(t.Context(), "two", []string{net, net}, b.Classes, EnsembleOptions{Rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	speeds, err := e.Speeds(t.Context(), []*Rival{two}, EnsembleOptions{Rows: rows})
	if err != nil || len(speeds) != 3 {
		t.Fatalf("%v, %v", speeds, err)
	}
	for i, s := range speeds {
		if !(s.LatencyUS > 0 && s.Rows > 0 && s.Native > 0) || s.Batch != 30 {
			t.Errorf("side %d: %+v", i, s)
		}
	}
	var batch dataset.Batch
	if err := rows.Read(t.Context(), []int{0, 1}, &batch); err != nil {
		t.Fatal(err)
	}
	sides, err := e.sides(t.Context(), []*Rival{two}, &batch, "")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 1, 2} {
		if got := len(sides[i].sessions); got != want {
			t.Errorf("side %d has %d models, expected %d", i, got, want)
		}
		sides[i].close()
	}
	_, err = e.Speeds(t.Context(), nil, EnsembleOptions{Rows: &table{d: 6}, RowsName: "rows.csv"})
	faulttest.Want(t, err, fault.Input, "rows.csv", "got none")
}
