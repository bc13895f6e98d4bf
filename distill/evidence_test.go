package distill

import (
	"math"
	"slices"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
)

// gathered is the evidence of seeds whose answers, of baseline and student, are
// given.
func gathered(task dataset.Task, seeds ...[2]answers) *evidence {
	e := &evidence{task: task}
	for i, both := range seeds {
		e.add(uint64(i), &learned{block: &report.Block{}, answers: &both[1]}, &learned{block: &report.Block{}, answers: &both[0]})
	}
	return e
}

// TestEvidenceByHand counts what two seeds say of four rows.
func TestEvidenceByHand(t *testing.T) {
	yes, no := true, false
	e := gathered(dataset.MultiClass,
		[2]answers{{right: []bool{no, no, yes, yes}}, {right: []bool{yes, yes, no, yes}}},
		[2]answers{{right: []bool{no, yes, yes, no}}, {right: []bool{yes, yes, yes, yes}}})
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
		[2]answers{{errs: []float64{1, 2, 3}, deviation: 10}, {errs: []float64{0.5, 2, 2}, deviation: 10}},
		[2]answers{{errs: []float64{1, 1, 1}, deviation: 10}, {errs: []float64{0, 1, 2}, deviation: 10}})
	g := e.gain()
	// the seeds gain 0.5 and 0 deviations of 10; rows 0.75, 0, 0
	if g.Unit != "mean absolute error" || math.Abs(g.Mean-2.5) > 1e-12 || math.Abs(g.OverSeeds.SD-5/math.Sqrt2) > 1e-12 || g.Worse != 0 || g.Better != 1 {
		t.Errorf("%+v", g)
	}
	if want := math.Sqrt(2.5*2.5 + 2.5*2.5); math.Abs(g.Together.SE-want) > 1e-12 { // of the seeds and of the rows, whose deviation is √0.1875
		t.Errorf("standard error %v of both, expected %v", g.Together.SE, want)
	}
	if want := metrics.Wilcoxon([]float64{1, 1.5, 2}, []float64{0.25, 1.5, 2}); g.OverRows != want {
		t.Errorf("rows: %+v, expected %+v", g.OverRows, want)
	}
	e.deviation = 0
	if g := e.gain(); g.Unit != "mean absolute error in deviations" || math.Abs(g.Mean-0.25) > 1e-12 {
		t.Errorf("of several numbers %+v", g)
	}
}

func meanError(mae float64) metrics.Result {
	return metrics.Result{Labelled: 12, Regression: &metrics.Regression{NumberScores: metrics.NumberScores{MAE: mae}}}
}

// TestVerdictOfOneSeed: the student is held against the baseline, and not the
// other way round, of classes and of numbers.
func TestVerdictOfOneSeed(t *testing.T) {
	was, is := answers{}, answers{}
	for i := range 12 { // one row gets worse, the others better
		was.right, is.right = append(was.right, i == 0), append(is.right, i > 0)
		worse := 0.0
		if i == 0 {
			worse = 3
		}
		was.errs, is.errs = append(was.errs, 2), append(is.errs, 1-float64(i)/16+worse)
	}
	for _, c := range []struct {
		task          dataset.Task
		baseline, now metrics.Result
		of            func(v report.Verdict) *metrics.Paired
	}{
		{dataset.MultiClass, metrics.Result{Labelled: 12, Errors: 11}, metrics.Result{Labelled: 12, Errors: 1},
			func(v report.Verdict) *metrics.Paired { return v.McNemar }},
		{dataset.Regression, meanError(2), meanError(1),
			func(v report.Verdict) *metrics.Paired { return v.Wilcoxon }},
	} {
		a, b := answers{right: was.right}, answers{right: is.right}
		if c.task == dataset.Regression {
			a, b = answers{errs: was.errs}, answers{errs: is.errs}
		}
		d := &run{recipe: Default(), task: c.task, result: &Result{}}
		d.result.Baseline, d.result.Student = &report.Block{Result: c.baseline}, &report.Block{Result: c.now}
		d.judge(gathered(c.task, [2]answers{a, b}))
		v := d.result.Verdict
		if p := c.of(v); !v.Helps || p == nil || p.OnlyA != 1 || p.OnlyB != 11 {
			t.Errorf("%s: %q, %+v, expected a student that is better on 11 of 12 rows", c.task, v.Sentence, p)
		}
	}
}
