package teacher

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/runtime/onnx"
)

// TestLatency times teachers that take any number of rows, one, or four, a
// chain and an ensemble, after they were opened for many rows; what they say
// afterwards is what they said before.
func TestLatency(t *testing.T) {
	needLibrary(t)
	ctx := context.Background()
	src := greys(600, 1)
	var row, all dataset.Batch
	if err := src.Read(ctx, []int{5}, &row); err != nil {
		t.Fatal(err)
	}
	if err := src.Read(ctx, []int{0, 1, 2, 3, 4, 5, 6, 7}, &all); err != nil {
		t.Fatal(err)
	}
	var members []*Teacher
	for name, c := range map[string]struct {
		batch onnx.Dim
		o     Options
	}{
		"any": {free, Options{Input: "unit"}}, "one": {onnx.Dim{Value: 1}, Options{Input: "unit"}}, "four": {onnx.Dim{Value: 4}, Options{Input: "unit"}},
		"in this process": {free, Options{Input: "unit", InProcess: true}}, "chain": {free, Options{Before: []string{writeModel(t, scalerModel("scaled"))}}},
	} {
		x, err := Open(ctx, writeModel(t, greyModel(c.batch, 1, "")), c.o)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		if _, err := x.Latency(ctx, &row, 0); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: before it is known what it wants: %v", name, err)
		}
		detect(t, x, src)
		if _, err := x.Fill(ctx, src, filepath.Join(t.TempDir(), "s"), FillOptions{}); err != nil {
			t.Fatal(err)
		}
		before, after := make([]float32, 8*kind), make([]float32, 8*kind)
		if err := x.Logits(ctx, &all, before); err != nil {
			t.Fatal(err)
		}
		opened := x.opened
		l, err := x.Latency(ctx, &row, 5*time.Millisecond)
		if err != nil || l[0].Median <= 0 || l[1].Median <= 0 || l[0].Calls < 1 {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
		if !sameOptions(opened, x.opened) {
			t.Errorf("%s: left open as %+v, was %+v", name, x.opened, opened)
		}
		if err := x.Logits(ctx, &all, after); err != nil || !slices.Equal(before, after) {
			t.Errorf("%s: another answer afterwards (%v)", name, err)
		}
		if name == "any" || name == "one" {
			members = append(members, x)
		}
	}
	e, err := NewEnsemble(members, EnsembleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if l, err := e.Latency(ctx, &row, 5*time.Millisecond); err != nil || l[1].Median <= 0 || l[1].Calls < 2 {
		t.Errorf("an ensemble: %+v, %v", l, err)
	}
	x := greyFake(onnx.Float32, unitOf["unit"], Logits, -1, side*side).teach(t, Options{Input: "unit"})
	detect(t, x, src)
	if l, err := x.Latency(ctx, &row, 0); err != nil || l[0].Calls != 0 {
		t.Errorf("of a runner that cannot tell: %+v, %v", l, err)
	}
}
