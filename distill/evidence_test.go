package distill

import (
	"math"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
)

// gathered is the evidence of seeds whose answers are given.
func gathered(task dataset.Task, seeds ...*answers) *evidence {
	e := &evidence{task: task}
	for i, both := range seeds {
		d := &run{task: task, recipe: Default(), result: &Result{}}
		d.recipe.Train.Seed = uint64(i)
		d.result.Student, d.result.Baseline = &report.Block{}, &report.Block{}
		e.add(d, both)
	}
	return e
}

// TestEvidenceByHand counts what two seeds say of four rows.
func TestEvidenceByHand(t *testing.T) {
	yes, no := true, false
	e := gathered(dataset.MultiClass,
		&answers{right: [2][]bool{{no, no, yes, yes}, {yes, yes, no, yes}}},
		&answers{right: [2][]bool{{no, yes, yes, no}, {yes, yes, yes, yes}}})
	if !slices.Equal(e.gains, []float64{1, 2}) || !slices.Equal(e.right, []int{2, 1, -1, 1}) {
		t.Errorf("gains %v, rows %v", e.gains, e.right)
	}
	g := e.gain()
	// per row 1, ½, −½, ½: mean 0.375, sd √(1.1875/3), scaled by 4 rows
	if g.Unit != "errors" || g.Mean != 1.5 || g.Better != 2 || g.OverRows.OnlyB != 3 || g.OverRows.OnlyA != 1 {
		t.Errorf("%+v", g)
	}
	if want := math.Sqrt(0.25 + math.Pow(4*math.Sqrt(1.1875/3)/2, 2)); math.Abs(g.Together.SE-want) > 1e-12 {
		t.Errorf("standard error %v of both, expected %v", g.Together.SE, want)
	}
}

// TestEvidenceOfNumbers counts errors in the units of the only number.
func TestEvidenceOfNumbers(t *testing.T) {
	e := gathered(dataset.Regression,
		&answers{errs: [2][]float64{{1, 2, 3}, {0.5, 2, 2}}, deviation: 10},
		&answers{errs: [2][]float64{{1, 1, 1}, {0, 1, 2}}, deviation: 10})
	g := e.gain()
	// the seeds gain 0.5 and 0 deviations of 10; rows 0.75, 0, 0
	if g.Unit != "mean absolute error" || math.Abs(g.Mean-2.5) > 1e-12 || math.Abs(g.OverSeeds.SD-5/math.Sqrt2) > 1e-12 || g.Worse != 0 || g.Better != 1 {
		t.Errorf("%+v", g)
	}
	if want := metrics.Wilcoxon([]float64{1, 1.5, 2}, []float64{0.25, 1.5, 2}); g.OverRows != want {
		t.Errorf("rows: %+v, expected %+v", g.OverRows, want)
	}
	e.deviation = 0
	if g := e.gain(); g.Unit != "mean absolute error in deviations" || math.Abs(g.Mean-0.25) > 1e-12 {
		t.Errorf("of several numbers %+v", g)
	}
}
