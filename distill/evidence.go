package distill

import (
	"context"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
)

// evidence is what tells whether the teacher was worth it, gathered seed by
// seed.
type evidence struct {
	task      dataset.Task
	seedsOf   []uint64
	student   []metrics.Result // without what is there to be drawn
	baseline  []metrics.Result
	last      [2]*answers // of baseline and student of the newest seed; nil without a baseline
	gains     []float64
	right     []int        // of each labelled row: seeds on which the student alone is right, less those on which the baseline is
	errs      [2][]float64 // of each row: sums over the seeds of the errors of baseline and student, of numbers
	deviation float64      // what errs count in, see answers
}

// answers is how a net answers the labelled test rows.
type answers struct {
	right     []bool    // whether rightly
	errs      []float64 // of numbers: the mean absolute error of a row, in deviations of each number
	deviation float64   // of the only number; 0 of several
}

// add takes in one seed. baseline is nil where there is none.
func (e *evidence) add(seed uint64, student, baseline *learned) {
	bare := func(r metrics.Result) metrics.Result {
		r = r.WithoutPoints()
		r.Bins, r.Confusion, r.PerClass = nil, nil, nil
		return r
	}
	e.seedsOf = append(e.seedsOf, seed)
	e.student = append(e.student, bare(student.block.Result))
	if baseline == nil {
		return
	}
	e.baseline = append(e.baseline, bare(baseline.block.Result))
	e.last = [2]*answers{baseline.answers, student.answers}
	gain, n := 0.0, max(len(baseline.answers.right), len(baseline.answers.errs))
	if e.task == dataset.Regression {
		e.deviation = baseline.answers.deviation
		for k, a := range e.last {
			if e.errs[k] == nil {
				e.errs[k] = make([]float64, n)
			}
			for i, x := range a.errs {
				e.errs[k][i] += x
				gain += float64(1-2*k) * x
			}
		}
		e.gains = append(e.gains, gain/float64(max(1, n)))
		return
	}
	if e.right == nil {
		e.right = make([]int, n)
	}
	for i, was := range baseline.answers.right {
		switch is := student.answers.right[i]; {
		case is && !was:
			e.right[i]++
			gain++
		case was && !is:
			e.right[i]--
			gain--
		}
	}
	e.gains = append(e.gains, gain)
}

// judge says whether the teacher was worth it.
func (d *run) judge(e *evidence) {
	a, b := d.result.Baseline, d.result.Student
	v := &d.result.Verdict
	switch {
	case !d.recipe.taught():
		v.Sentence = "No verdict: the net was trained on labels alone, nothing was distilled."
	case len(e.gains) == 0:
		v.Sentence = "No verdict: there is no baseline to compare with."
	case len(e.gains) > 1 && e.rows() > 1:
		*v = report.JudgeSeeds(d.task, e.gain())
	case len(e.gains) > 1 && e.rows() == 1:
		v.Sentence = "No verdict: one labelled test row tells nothing."
	case d.task == dataset.Regression:
		*v = report.JudgeNumbers(a.Result, b.Result, metrics.Wilcoxon(e.last[0].errs, e.last[1].errs))
	default:
		*v = report.Judge(a.Result, b.Result, metrics.McNemar(e.last[0].right, e.last[1].right))
	}
}

// rows is the number of labelled test rows.
func (e *evidence) rows() int { return max(len(e.right), len(e.errs[0])) }

// gain tests what several seeds came to.
func (e *evidence) gain() *report.Gain {
	n := float64(len(e.gains))
	if e.task == dataset.Regression {
		perRow, mean := make([]float64, len(e.errs[0])), [2][]float64{}
		for k := range e.errs {
			mean[k] = make([]float64, len(perRow))
			for i, sum := range e.errs[k] {
				mean[k][i] = sum / n
				perRow[i] += float64(1-2*k) * mean[k][i]
			}
		}
		unit, scale := "mean absolute error", e.deviation
		if scale == 0 {
			unit, scale = "mean absolute error in deviations", 1
		}
		return report.NewGain(unit, scaled(e.gains, scale), metrics.PairedT(perRow).Scaled(scale), metrics.Wilcoxon(mean[0], mean[1]))
	}
	unit := "errors"
	if e.task == dataset.MultiLabel {
		unit = "wrong rows"
	}
	perRow := make([]float64, len(e.right))
	for i, k := range e.right {
		perRow[i] = float64(k) / n
	}
	return report.NewGain(unit, e.gains, metrics.PairedT(perRow).Scaled(float64(len(perRow))), metrics.SignFlip(e.right))
}

func scaled(v []float64, by float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = x * by
	}
	return out
}

// seeds is what the report says of several.
func (e *evidence) seeds(exported uint64, validated bool) *report.Seeds {
	s := &report.Seeds{Seeds: e.seedsOf, Exported: exported, ChosenBy: "first", Student: report.Spreads(e.student)}
	if validated {
		s.ChosenBy = "validation accuracy"
		if name := chosenName(e.task); name != "" {
			s.ChosenBy = "validation " + name
		}
	}
	if len(e.baseline) > 0 {
		s.Baseline = report.Spreads(e.baseline)
	}
	return s
}

// answers asks net, whose figures on them are b, about the test rows.
func (d *run) answers(ctx context.Context, net Predictor, b *report.Block) (*answers, error) {
	a, scale := &answers{}, make([]float64, d.teacher.classes)
	if d.task == dataset.Regression {
		for i, t := range b.PerTarget {
			if scale[i] = t.Std; t.Std == 0 {
				scale[i] = 1
			}
		}
	}
	if len(scale) == 1 {
		a.deviation = scale[0]
	}
	var z []float32
	return a, eachBatch(ctx, d.test, func(m *mini) (err error) {
		z = grow(z, m.n*d.test.classes)
		if err := net.Predict(ctx, m.x, m.n, z); err != nil {
			return err
		}
		switch d.task {
		case dataset.MultiLabel:
			a.right = metrics.CorrectLabels(a.right, m.scored(z), d.test.classes)
		case dataset.Regression:
			a.errs = metrics.AbsoluteErrors(a.errs, m.scored(z), scale)
		default:
			a.right, err = metrics.Correct(a.right, z, m.labels, d.test.classes)
		}
		return err
	})
}
