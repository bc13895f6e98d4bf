package study

import (
	"fmt"
	"math"
	"time"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/specialist"
)

// Result is what a study came to. Its JSON is what `specialist run --json`
// prints.
type Result struct {
	report.Specialists
	Tests    []Test             `json:"tests"`    // every other model against the generalist, and against the specialists
	Students []Student          `json:"students"` // distilled back
	Parity   *specialist.Parity `json:"parity"`   // of the one file of the seed that is shown
	WallS    float64            `json:"wall_s"`   // of this call
	Files    Files              `json:"files"`
}

// Files are what a study leaves; those of a seed are of the first.
type Files struct {
	Report  string `json:"report"`
	CSV     string `json:"csv"`
	JSON    string `json:"json"`
	Bundle  string `json:"bundle"`   // folder of generalist, specialists and manifest
	OneFile string `json:"one_file"` // all of it as one .onnx
}

// model is one model over the seeds.
type model struct {
	name    string
	part    report.ModelPart
	seeds   []scored // in their order
	latency float64  // in milliseconds, of the first seed; 0: not known
}

// models are all that is compared, the generalist first and then it with its
// specialists.
func (s *study) models() []*model {
	together := "with specialists"
	if n := len(s.seeds[0].bundle.Specialists); s.ask.Sets > 0 || len(s.seeds) == 1 {
		together = fmt.Sprintf("with %d specialists", n)
	}
	alone, with := &model{name: "generalist", part: report.GeneralistPart}, &model{name: together, part: report.EnsemblePart}
	list := []*model{alone, with}
	for i, one := range s.seeds {
		alone.seeds = append(alone.seeds, one.judged.Alone)
		with.seeds = append(with.seeds, one.judged.Together)
		if i == 0 {
			alone.latency, with.latency = float64(one.exported.Latency.Generalist), float64(one.exported.Latency.Together)
		}
	}
	for i, o := range s.seeds[0].others {
		m := &model{name: o.Name, part: o.Part, latency: float64(s.seeds[0].scores[o.Name].LatencyMS)}
		for _, one := range s.seeds {
			if i < len(one.others) && one.others[i].Part == o.Part { // of equal parameters: another seed may have another width
				m.seeds = append(m.seeds, one.scores[one.others[i].Name].scored)
			}
		}
		if len(m.seeds) == len(s.seeds) {
			list = append(list, m)
		}
	}
	return list
}

// result makes the figures of all seeds one.
func (s *study) result() *Result {
	list, first := s.models(), s.seeds[0]
	r := &Result{Specialists: *first.judged.Page(first.bundle), Parity: first.exported.Parity}
	r.Title, r.Shown = "A generalist and its specialists", first.number
	r.Rows = report.Source{Name: s.data.TestIs, Digest: s.rows[testRows]}
	r.Models, r.Tests = nil, tests(list)
	for _, m := range list {
		r.Models = append(r.Models, m.reported())
	}
	if len(s.seeds) > 1 {
		r.Verdict, r.Covering, r.Curve = s.verdict(list[0], list[1]), s.covering(), s.curve()
	}
	for _, one := range s.seeds {
		r.Seeds = append(r.Seeds, one.number)
		r.Notes = append(r.Notes, one.remarks()...)
	}
	r.Students = s.students()
	r.Files = Files{Report: s.at(pageFile), CSV: s.at(csvFile), JSON: s.at(jsonFile), Bundle: first.at(trainStep), OneFile: first.at(exportStep, first.exported.File)}
	r.WallS = time.Since(s.began).Seconds()
	return r
}

// reported is m with mean and deviation over the seeds.
func (m *model) reported() report.SpecialistsModel {
	var results []metrics.Result
	out := report.SpecialistsModel{Name: m.name, Part: m.part, LatencyMS: report.Number(m.latency)}
	params, flops := 0.0, 0.0
	for _, one := range m.seeds {
		results = append(results, one.Result)
		params += float64(one.Params) / float64(len(m.seeds))
		flops += one.FLOPs / float64(len(m.seeds))
	}
	out.Params, out.FLOPs, out.Scores = int64(params+0.5), report.Number(flops), report.Spreads(results)
	return out
}

// covering sums over the seeds what becomes of the rows whose class so many
// specialists cover.
func (s *study) covering() (list []report.CoveredRows) {
	for _, one := range s.seeds {
		for n, c := range one.judged.Covering {
			if n == len(list) {
				list = append(list, report.CoveredRows{Specialists: n})
			}
			list[n].Rows += c.Rows
			list[n].Before += c.Before
			list[n].After += c.After
		}
	}
	return list
}

// curve is the accuracy with the first j specialists, as far as all seeds have
// so many.
func (s *study) curve() (list []report.Spread) {
	for j := 0; ; j++ {
		var one report.Spread
		for _, seed := range s.seeds {
			if v := seed.judged; j < len(v.Curve) {
				one.Values = append(one.Values, float64(v.Curve[j])/float64(max(1, v.Alone.Result.Labelled)))
			}
		}
		if len(one.Values) < len(s.seeds) {
			return list
		}
		list = append(list, spreadOf(one.Values))
	}
}

// Student is a net that generalist and specialists were distilled back into,
// beside the same net taught by the generalist alone.
type Student struct {
	Model   string        `json:"model"`
	Errors  report.Spread `json:"errors"`
	Control report.Spread `json:"control"` // errors of the latter
	Kept    report.Number `json:"kept"`    // share of the specialists' gain, of the means over the seeds; null without a gain
	P       report.Number `json:"p"`       // of the difference from the control: over the rows of one seed, or over several seeds
	Verdict string        `json:"verdict"`
}

// students are those that were distilled back.
func (s *study) students() []Student {
	list := []Student{}
	for i := range s.ask.Students {
		var own, control, gained, gain []float64
		var last *specialist.Back
		var name string
		for _, one := range s.seeds {
			o := one.others[i]
			last, name = o.Control.Students[0], o.Name
			alone := float64(one.judged.Alone.Result.Errors)
			own, control = append(own, float64(last.Student.Errors)), append(control, float64(last.Control.Errors))
			gained, gain = append(gained, alone-float64(last.Student.Errors)), append(gain, alone-float64(one.judged.Together.Result.Errors))
		}
		st := Student{Model: name, Errors: spreadOf(own), Control: spreadOf(control), Kept: report.Number(math.NaN()), P: report.Number(last.AgainstControl.P), Verdict: last.Verdict}
		if all := spreadOf(gain).Mean; all > 0 {
			st.Kept = report.Number(spreadOf(gained).Mean / all)
		}
		if len(s.seeds) > 1 {
			st.judge(own, control)
		}
		list = append(list, st)
	}
	return list
}

// judge says whether the specialists taught the student something, over seeds.
func (st *Student) judge(own, control []float64) {
	fewer := make([]float64, len(own))
	for i := range own {
		fewer[i] = control[i] - own[i]
	}
	t := metrics.PairedT(fewer)
	st.P = report.Number(t.P)
	what := fmt.Sprintf("%.1f errors, %.1f of the same student taught by the generalist alone, mean of %d seeds (paired t, p = %.2g).", st.Errors.Mean, st.Control.Mean, len(own), t.P)
	switch {
	case t.P >= report.Significance:
		st.Verdict = "What the specialists teach is within chance: " + what
	case t.Mean > 0:
		st.Verdict = "The specialists teach something: " + what
	default:
		st.Verdict = "The specialists mislead: " + what
	}
}

func spreadOf(values []float64) (v report.Spread) {
	v.Values = values
	v.Mean, v.SD = metrics.MeanSD(values)
	return v
}

// remarks are what is to be said of a seed's steps.
func (s *seed) remarks() (list []string) {
	for _, notes := range [][]string{s.clusters.Notes, s.fleet.Notes} {
		for _, n := range notes {
			list = append(list, s.name(n))
		}
	}
	for _, r := range s.fleet.Specialists {
		if r.LeftOut != "" {
			list = append(list, s.name(fmt.Sprintf("specialist %d is left out: %s", r.Index, r.LeftOut)))
		}
	}
	return list
}
