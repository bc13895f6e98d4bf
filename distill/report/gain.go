package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
)

// Gain is by how much the student beats the baseline over several seeds, with
// what tells that it is real. Both are trained once with every seed, which
// settles initial weights, order and augmentation of both.
//
// The gain could come from the seeds or from the test rows that happened to be
// drawn, so that it must be more than chance over both (Dietterich 1998;
// Bouthillier et al. 2021, arXiv 2103.03098): over seeds by the paired t test,
// over rows by random signs or, of numbers, Wilcoxon's test of the row's mean
// errors, and over both at once by metrics.Crossed. P is the largest of the
// three, the interval the wider one of the seeds' and of both.
type Gain struct {
	Unit      string         `json:"unit"`   // of Mean: "errors" or "mean absolute error"
	Rows      int            `json:"rows"`   // labelled test rows
	Better    int            `json:"better"` // seeds whose student beats its baseline
	Worse     int            `json:"worse"`  // seeds whose baseline beats its student
	Mean      float64        `json:"mean"`   // over the seeds; positive where the student is better
	SD        float64        `json:"sd"`     // of a seed's
	Low       float64        `json:"low"`    // of the 95 % confidence interval of the mean
	High      float64        `json:"high"`
	P         float64        `json:"p"`
	OverSeeds metrics.TTest  `json:"over_seeds"`
	OverRows  metrics.Paired `json:"over_rows"` // baseline is A, student is B
	Together  metrics.TTest  `json:"together"`
}

// NewGain tests the gains of at least 2 seeds. perRow is the mean gain of each
// row over the seeds, in the same unit, and tested the test over rows.
func NewGain(unit string, perSeed []float64, perRow metrics.TTest, tested metrics.Paired) *Gain {
	g := &Gain{Unit: unit, Rows: perRow.N, OverSeeds: metrics.PairedT(perSeed), OverRows: tested}
	for _, d := range perSeed {
		switch {
		case d > 0:
			g.Better++
		case d < 0:
			g.Worse++
		}
	}
	g.Together = metrics.Crossed(g.OverSeeds, perRow)
	g.Mean, g.SD = g.OverSeeds.Mean, g.OverSeeds.SD
	g.P = max(g.OverSeeds.P, g.OverRows.P, g.Together.P)
	wide := g.Together
	if s := g.OverSeeds; s.High-s.Low > wide.High-wide.Low {
		wide = s
	}
	g.Low, g.High = wide.Low, wide.High
	return g
}

// text is a gain, or a bound of it, for people: of rows in whole ones from a
// hundred on, else in tenths, since seeds tell no more.
func (g *Gain) text(x float64) string {
	switch {
	case g.Unit != "errors" || !finite(x):
		return general(x)
	case math.Abs(x) >= 100:
		return thousands(int64(math.Round(x)))
	}
	return minus(strings.TrimSuffix(strconv.FormatFloat(x+0, 'f', 1, 64), ".0"))
}

// seeds is how many there were.
func (g *Gain) seeds() int { return g.OverSeeds.N }

// JudgeSeeds is Judge of several seeds. Distillation helps when the mean gain
// is above 0, the ranks of numbers say so too, and g.P is below Significance.
func JudgeSeeds(task dataset.Task, g *Gain) Verdict {
	v := Verdict{Gain: g}
	size := func(x float64) string { return g.text(max(x, -x)) }
	fewer, more := "fewer errors of "+thousands(int64(g.Rows)), "more errors of "+thousands(int64(g.Rows))
	switch task {
	case dataset.MultiLabel:
		fewer, more = "fewer wrong rows of "+thousands(int64(g.Rows)), "more wrong rows of "+thousands(int64(g.Rows))
	case dataset.Regression:
		fewer, more = "less "+g.Unit, "more "+g.Unit
	}
	over := fmt.Sprintf("than %s, mean of %d seeds", same, g.seeds())
	interval := fmt.Sprintf("95\u00a0%% interval %s to %s", g.text(g.Low), g.text(g.High))
	ps := fmt.Sprintf("p\u00a0%s over seeds, p\u00a0%s over test rows, p\u00a0%s over both", pValue(g.OverSeeds.P), pValue(g.OverRows.P), pValue(g.Together.P))
	switch {
	case g.Mean == 0:
		v.Sentence = fmt.Sprintf("Distillation is not helping here: over %d seeds the student makes as many errors as %s (%s).", g.seeds(), same, interval)
		if task == dataset.Regression {
			v.Sentence = fmt.Sprintf("Distillation is not helping here: over %d seeds the student is as near as %s (%s).", g.seeds(), same, interval)
		}
	case g.Mean < 0:
		v.Sentence = fmt.Sprintf("Distillation is not helping here: %s %s %s (gain: %s; p\u00a0%s).", size(g.Mean), more, over, interval, pValue(g.P))
	case g.P < Significance && g.OverRows.RankB <= g.OverRows.RankA:
		v.Sentence = fmt.Sprintf("Distillation is not helping here: %s %s %s, is of few rows: most are nearer without (%s).", size(g.Mean), fewer, over, ps)
	case g.P < Significance:
		v.Helps = true
		v.Sentence = fmt.Sprintf("Distillation helps: %s %s %s (%s, p\u00a0%s).", size(g.Mean), fewer, over, interval, pValue(g.P))
	default:
		v.Sentence = fmt.Sprintf("Distillation is not helping here: %s %s %s, is within chance (%s; %s).", size(g.Mean), fewer, over, interval, ps)
		if g.Better == g.seeds() && g.seeds() < fewSeeds && g.OverRows.P < Significance {
			v.Sentence += fmt.Sprintf(" All %d seeds are better, but they are too few to tell: try --seeds %d.", g.seeds(), fewSeeds)
		}
	}
	return v
}

// fewSeeds is from how many seeds on a clear gain shows.
const fewSeeds = 5
