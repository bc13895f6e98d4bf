package report

import (
	"fmt"
	"math"

	"github.com/kdonnx/kdonnx/distill/metrics"
)

// KindSpecialists is the Kind of the JSON of Specialists.
const KindSpecialists = "specialists"

// Specialists is what specialists change of a generalist's answers (section 5 of
// Hinton, Vinyals and Dean 2015), all models on the same labelled rows. What is
// not known is left nil or zero, and the page is without it.
//
// Of several seeds Models, Curve, Verdict and Covering are of all of them; Sets,
// Confusion, More and Less, Asked and Residual are those of the seed Shown.
type Specialists struct {
	Format    int                `json:"format"`
	Kind      string             `json:"kind"` // KindSpecialists, which tells the file from a run's
	Title     string             `json:"title"`
	Verdict   Verdict            `json:"verdict"`   // the generalist is A, with specialists is B
	Sentences []string           `json:"sentences"` // what else is to be said in the first place
	Rows      Source             `json:"rows"`      // that all are judged on
	Labelled  int                `json:"labelled"`  // of them
	Seeds     []uint64           `json:"seeds,omitempty"`
	Shown     uint64             `json:"shown,omitempty"` // the seed
	Models    []SpecialistsModel `json:"models"`          // the generalist, with its specialists, then others
	Classes   []string           `json:"classes"`
	Sets      []SpecialistSet    `json:"sets"`
	Union     *SpecialistSet     `json:"union,omitempty"`     // the classes of all sets
	Covering  []CoveredRows      `json:"covering,omitempty"`  // by specialists, from 0; sums over the seeds
	Curve     []Spread           `json:"curve,omitempty"`     // top-1 with the first j specialists, from none to all
	Confusion []Number           `json:"confusion,omitempty"` // (C, C) as of Clusters, of the generalist on the rows
	Less      []ConfusedPair     `json:"less,omitempty"`      // the pairs that specialists mended most
	More      []ConfusedPair     `json:"more,omitempty"`      // and those that they broke most
	Undercut  int                `json:"undercut,omitempty"`  // by so much a count of these may be too low
	Asked     []int              `json:"asked,omitempty"`     // rows by how many specialists were asked, from 0
	Residual  *Number            `json:"residual,omitempty"`  // the largest KKT residual, in nats
	Notes     []string           `json:"notes,omitempty"`
}

// ModelPart is what a model stands for.
type ModelPart string

// The parts of models.
const (
	GeneralistPart ModelPart = "generalist"
	EnsemblePart   ModelPart = "specialists" // the generalist with its specialists
	RivalPart      ModelPart = "rival"       // what it is to be compared with: one larger net, several generalists
	DistilledPart  ModelPart = "distilled"   // one student of the ensemble
)

// SpecialistsModel is one model. Zero Params, FLOPs and latency are unknown.
type SpecialistsModel struct {
	Name      string            `json:"name"`
	Part      ModelPart         `json:"part"`
	Scores    map[string]Spread `json:"scores"` // as Spreads has them: errors, accuracy, nll, ece
	Params    int64             `json:"params,omitempty"`
	FLOPs     Number            `json:"flops,omitempty"`      // of one row on average, a multiply-add as two
	LatencyMS Number            `json:"latency_ms,omitempty"` // median of one row, in milliseconds
	Relative  *Number           `json:"relative,omitempty"`   // relative gain in top-1 from the generalist; filled in
	Kept      *Number           `json:"kept,omitempty"`       // of DistilledPart: share of the ensemble's gain; filled in
}

// SpecialistSet is what one specialist is for, and what becomes of the rows of
// its classes when the answer must be one of them (table 3 of the paper).
type SpecialistSet struct {
	Classes   []int   `json:"classes"`
	Rows      int     `json:"rows"`
	Before    int     `json:"before"`              // rows that the generalist answers rightly
	After     int     `json:"after"`               // that it does with its specialists
	Asked     int     `json:"asked"`               // rows that the specialist was asked about
	Seconds   Number  `json:"seconds,omitempty"`   // of its training
	Confusion *Number `json:"confusion,omitempty"` // share of the generalist's that lies within
}

// CoveredRows are the rows whose class so many specialists cover (table 4).
type CoveredRows struct {
	Specialists int `json:"specialists"`
	Rows        int `json:"rows"`
	Before      int `json:"before"`
	After       int `json:"after"`
}

// ConfusedPair is how often rows of a class are answered with another.
type ConfusedPair struct {
	Label  int `json:"label"`
	Answer int `json:"answer"`
	Before int `json:"before"` // by the generalist
	After  int `json:"after"`  // with its specialists
}

// JudgeSpecialists holds a generalist with so many specialists against it alone.
// paired is metrics.McNemar(generalist, ensemble).
func JudgeSpecialists(generalist, ensemble metrics.Result, specialists int, paired metrics.Paired) Verdict {
	if generalist.Labelled == 0 || generalist.Labelled != ensemble.Labelled {
		return Verdict{Sentence: "No verdict: there are no rows with labels that both were judged on."}
	}
	v := Verdict{McNemar: &paired}
	fewer := generalist.Errors - ensemble.Errors
	said := fmt.Sprintf("top-1 goes from %s to %s with %s, %s relative: %s instead of %s on %s (McNemar\u00a0p\u00a0%s).",
		percent(generalist.Accuracy, 2), percent(ensemble.Accuracy, 2), plural(specialists, "specialist"), relativeText(generalist.Accuracy, ensemble.Accuracy),
		plural(ensemble.Errors, "error"), thousands(int64(generalist.Errors)), plural(generalist.Labelled, "row"), pValue(paired.P))
	switch {
	case fewer > 0 && paired.P < Significance:
		v.Helps = true
		v.Sentence = "Specialists help: " + said
	case fewer > 0:
		v.Sentence = "Specialists are not helping here, what they gain is within chance: " + said
	case fewer == 0:
		v.Sentence = fmt.Sprintf("Specialists are not helping here: with %s the generalist makes as many errors as alone, %s on %s.",
			plural(specialists, "specialist"), thousands(int64(generalist.Errors)), plural(generalist.Labelled, "row"))
	default:
		v.Sentence = "Specialists are not helping here, they harm: " + said
	}
	return v
}

// relative is what part more after is than before; NaN where before is nothing.
func relative(before, after float64) float64 {
	if before == 0 {
		return math.NaN()
	}
	return after/before - 1
}

func relativeText(before, after float64) string { return signedPercent(relative(before, after)) }

// signedPercent is percent with its sign.
func signedPercent(x float64) string {
	if !finite(x) {
		return none
	}
	s := fmt.Sprintf("%+.2f %%", 100*x)
	if s == "-0.00 %" {
		s = "+0.00 %"
	}
	return minus(s)
}

// model is the first of a part, or nil.
func (s *Specialists) model(part ModelPart) *SpecialistsModel {
	for i := range s.Models {
		if s.Models[i].Part == part {
			return &s.Models[i]
		}
	}
	return nil
}

// score is the mean of one of a model's numbers.
func (m *SpecialistsModel) score(key string) float64 {
	if m != nil {
		if v, ok := m.Scores[key]; ok {
			return v.Mean
		}
	}
	return math.NaN()
}

// settle fills in what follows from the rest.
func (s *Specialists) settle() {
	s.Format, s.Kind = Format, KindSpecialists
	alone := s.model(GeneralistPart).score("accuracy")
	together := s.model(EnsemblePart).score("accuracy")
	for i := range s.Models {
		m := &s.Models[i]
		m.Relative, m.Kept = nil, nil
		if r := Number(relative(alone, m.score("accuracy"))); m.Part != GeneralistPart && finite(float64(r)) {
			m.Relative = &r
		}
		if k := Number((m.score("accuracy") - alone) / (together - alone)); m.Part == DistilledPart && together > alone && finite(float64(k)) {
			m.Kept = &k
		}
	}
	s.Sentences = s.sentences()
}

// sentences say how rivals and students do beside the ensemble.
func (s *Specialists) sentences() []string {
	lines := []string{}
	if p := s.Verdict.McNemar; p != nil {
		lines = append(lines, fmt.Sprintf("%s right only with specialists, %s only without.", plural(p.OnlyB, "row"), thousands(int64(p.OnlyA))))
	}
	e := s.model(EnsemblePart)
	if r := s.best(RivalPart); r != nil && e != nil {
		text := fmt.Sprintf("The best rival (%s) makes %s errors", clean(r.Name), errorsText(r.score("errors")))
		if r.Params > 0 && e.Params > 0 {
			text += " with " + times(float64(r.Params)/float64(e.Params), "the parameters")
		}
		if r.FLOPs > 0 && e.FLOPs > 0 {
			text += " and " + times(float64(r.FLOPs/e.FLOPs), "the work a row")
		}
		switch {
		case r.score("errors") < e.score("errors"):
			text += ": fewer than the specialists' "
		case r.score("errors") > e.score("errors"):
			text += ": more than the specialists' "
		default:
			text += ": as many as the specialists' "
		}
		lines = append(lines, text+errorsText(e.score("errors"))+".")
	}
	if d := s.best(DistilledPart); d != nil && d.Kept != nil {
		lines = append(lines, fmt.Sprintf("Distilled back into one net (%s), %s of the gain is kept.", clean(d.Name), percent(float64(*d.Kept), 0)))
	}
	return lines
}

// best is the model of a part with the fewest errors; nil without one.
func (s *Specialists) best(part ModelPart) (best *SpecialistsModel) {
	for i := range s.Models {
		if m := &s.Models[i]; m.Part == part && finite(m.score("errors")) && (best == nil || m.score("errors") < best.score("errors")) {
			best = m
		}
	}
	return best
}

// times is a ratio of something for people, with two digits.
func times(x float64, of string) string {
	switch {
	case x < 0.95:
		return fmt.Sprintf("%.2g times %s", x, of)
	case x < 9.95:
		return fmt.Sprintf("%.1f times %s", x, of)
	}
	return general(math.Round(x)) + " times " + of
}
