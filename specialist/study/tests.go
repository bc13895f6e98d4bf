package study

import (
	"fmt"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
)

// Test holds one model against another on the same test rows: of one seed by
// McNemar's test, of several by those of report.Gain, over seeds, over rows and
// over both.
type Test struct {
	Model   string          `json:"model"`
	Against string          `json:"against"`
	Fewer   float64         `json:"fewer"` // errors that the model makes less, mean of the seeds
	McNemar *metrics.Paired `json:"mcnemar,omitempty"`
	Gain    *report.Gain    `json:"gain,omitempty"`
}

// P is the probability of such a difference, or a larger one, between equal
// models.
func (t *Test) P() float64 {
	if t.Gain != nil {
		return t.Gain.P
	}
	return t.McNemar.P
}

// Sure tells whether the model makes fewer errors by more than chance.
func (t *Test) Sure() bool { return t.Fewer > 0 && t.P() < report.Significance }

// tests holds all against the generalist, and others against the specialists.
func tests(list []*model) []Test {
	all := []Test{}
	for _, m := range list[1:] {
		all = append(all, against(m, list[0]))
	}
	for _, m := range list[2:] {
		all = append(all, against(m, list[1]))
	}
	return all
}

// against tests m against other, the same rows and seeds.
func against(m, other *model) Test {
	t := Test{Model: m.name, Against: other.name}
	perRow := make([]int, len(m.seeds[0].Right)) // seeds on which m alone is right, less those on which other is
	gains := make([]float64, len(m.seeds))
	for i := range m.seeds {
		was := other.seeds[i].Right
		for row, is := range m.seeds[i].Right {
			switch {
			case is && !was[row]:
				perRow[row]++
				gains[i]++
			case was[row] && !is:
				perRow[row]--
				gains[i]--
			}
		}
	}
	t.Fewer, _ = metrics.MeanSD(gains)
	if len(gains) == 1 || len(perRow) < 2 {
		p := metrics.McNemar(other.seeds[0].Right, m.seeds[0].Right)
		t.McNemar = &p
		return t
	}
	mean := make([]float64, len(perRow))
	for row, k := range perRow {
		mean[row] = float64(k) / float64(len(gains))
	}
	t.Gain = report.NewGain("errors", gains, metrics.PairedT(mean).Scaled(float64(len(mean))), metrics.SignFlip(perRow))
	return t
}

// verdict says whether specialists help.
func (s *study) verdict(alone, together *model) report.Verdict {
	t := against(together, alone)
	if t.McNemar != nil {
		return report.JudgeSpecialists(alone.seeds[0].Result, together.seeds[0].Result, len(s.seeds[0].bundle.Specialists), *t.McNemar)
	}
	before, after := alone.reported().Scores["accuracy"], together.reported().Scores["accuracy"]
	v := report.Verdict{Gain: t.Gain, Helps: t.Sure()}
	said := fmt.Sprintf("top-1 goes from %.2f %% to %.2f %%, %+.2f %% relative: %.1f fewer errors of %d, mean of %d seeds (95 %% interval %.1f to %.1f, p = %.2g).",
		100*before.Mean, 100*after.Mean, 100*(after.Mean/before.Mean-1), t.Fewer, len(together.seeds[0].Right), len(s.seeds), t.Gain.Low, t.Gain.High, t.Gain.P)
	switch {
	case v.Helps:
		v.Sentence = "Specialists help: " + said
	case t.Fewer > 0:
		v.Sentence = "Specialists are not helping here, what they gain is within chance: " + said
	case t.Fewer == 0:
		v.Sentence = "Specialists are not helping here: " + said
	default:
		v.Sentence = "Specialists are not helping here, they harm: " + said
	}
	return v
}
