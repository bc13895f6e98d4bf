package report

import (
	"strings"
	"testing"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
)

// gainOf tests what seeds come to on rows: each seed's list has, for a row, 1
// where only the student is right and -1 where only the baseline is.
func gainOf(unit string, seeds ...[]int) *Gain {
	rows := len(seeds[0])
	perSeed, sums, perRow := make([]float64, len(seeds)), make([]int, rows), make([]float64, rows)
	for i, s := range seeds {
		for j, d := range s {
			perSeed[i] += float64(d)
			sums[j] += d
			perRow[j] += float64(d) / float64(len(seeds))
		}
	}
	return NewGain(unit, perSeed, metrics.PairedT(perRow).Scaled(float64(rows)), metrics.SignFlip(sums))
}

// wins is a seed of rows rows in which the student alone is right on the rows
// from up to to, and wrong on the first worse of them.
func wins(rows, from, to, worse int) []int {
	d := make([]int, rows)
	for j := from; j < to; j++ {
		d[j] = 1
		if j < from+worse {
			d[j] = -1
		}
	}
	return d
}

func TestJudgeSeeds(t *testing.T) {
	for _, c := range []struct {
		name  string
		gain  *Gain
		task  dataset.Task
		helps bool
		says  []string
	}{
		{"clear", gainOf("errors", wins(1000, 0, 30, 2), wins(1000, 3, 36, 1), wins(1000, 0, 33, 2), wins(1000, 5, 33, 1), wins(1000, 2, 36, 3)), dataset.MultiClass, true,
			[]string{"Distillation helps: ", "fewer errors of 1,000", "mean of 5 seeds", "95\u00a0% interval "}},
		{"always the same few rows", gainOf("errors", wins(1000, 0, 5, 0), wins(1000, 0, 5, 0), wins(1000, 0, 5, 0), wins(1000, 0, 4, 0), wins(1000, 0, 5, 0)), dataset.MultiClass, false,
			[]string{"Distillation is not helping here: ", "4.8 fewer errors", "is within chance", "over test rows"}},
		{"some seeds only", gainOf("errors", wins(1000, 0, 200, 10), wins(1000, 200, 300, 90), wins(1000, 300, 500, 5), wins(1000, 500, 600, 80), wins(1000, 600, 650, 45)), dataset.MultiClass, false,
			[]string{"Distillation is not helping here: ", "is within chance", "over seeds"}},
		{"two seeds", gainOf("errors", wins(1000, 0, 60, 0), wins(1000, 30, 70, 0)), dataset.MultiClass, false,
			[]string{"Distillation is not helping here: ", "All 2 seeds are better, but they are too few to tell: try --seeds 5."}},
		{"all the same", gainOf("errors", wins(100, 0, 0, 0), wins(100, 0, 0, 0)), dataset.MultiClass, false,
			[]string{"over 2 seeds the student makes as many errors as the same student trained on hard labels (no seed differs)."}},
		{"none", gainOf("errors", wins(100, 0, 4, 2), wins(100, 5, 9, 2)), dataset.MultiClass, false,
			[]string{"makes as many errors", "95\u00a0% interval "}},
		{"worse", gainOf("errors", wins(100, 0, 20, 19), wins(100, 5, 25, 18), wins(100, 0, 22, 20)), dataset.MultiClass, false,
			[]string{"Distillation is not helping here: ", "more errors of 100"}},
		{"labels", gainOf("wrong rows", wins(1000, 0, 30, 2), wins(1000, 3, 36, 1), wins(1000, 0, 33, 2)), dataset.MultiLabel, true,
			[]string{"Distillation helps: ", "fewer wrong rows of 1,000", "mean of 3 seeds"}},
	} {
		v := JudgeSeeds(c.task, c.gain)
		if v.Helps != c.helps || v.Gain != c.gain {
			t.Errorf("%s: helps %v: %s", c.name, v.Helps, v.Sentence)
		}
		for _, s := range c.says {
			if !strings.Contains(v.Sentence, s) {
				t.Errorf("%s: %q does not say %q", c.name, v.Sentence, s)
			}
		}
		if g := c.gain; (g.Low > 0) && g.OverRows.P < Significance && g.Mean > 0 && !v.Helps || v.Helps && !(g.Low > 0) {
			t.Errorf("%s: the interval %v to %v says otherwise: %s", c.name, g.Low, g.High, v.Sentence)
		}
		if g := c.gain; g.Low != min(g.OverSeeds.Low, g.Together.Low) || g.High != max(g.OverSeeds.High, g.Together.High) {
			t.Errorf("%s: the interval is %v to %v, that of seeds %+v, that of both %+v", c.name, g.Low, g.High, g.OverSeeds, g.Together)
		}
	}
}

// Of numbers the mean may be better though most rows are nearer without.
func TestJudgeSeedsOfNumbers(t *testing.T) {
	rows := 400
	was, is := make([]float64, rows), make([]float64, rows)
	perRow := make([]float64, rows)
	for j := range was {
		was[j], is[j] = 1, 1.1
		if j < 60 {
			was[j] = 9
		}
		perRow[j] = was[j] - is[j]
	}
	g := NewGain("mean absolute error", []float64{1, 1.1, 1.2}, metrics.PairedT(perRow), metrics.Wilcoxon(was, is))
	if v := JudgeSeeds(dataset.Regression, g); v.Helps || !strings.Contains(v.Sentence, "Distillation is not helping here: 1.1 less mean absolute error") || !strings.Contains(v.Sentence, "is of few rows") {
		t.Errorf("%+v: %s", g, v.Sentence)
	}
	for j := range was {
		was[j] = 1.3
		perRow[j] = was[j] - is[j]
	}
	g = NewGain("mean absolute error", []float64{0.2, 0.21, 0.19}, metrics.PairedT(perRow), metrics.Wilcoxon(was, is))
	if v := JudgeSeeds(dataset.Regression, g); !v.Helps {
		t.Errorf("%+v: %s", g, v.Sentence)
	}
}
