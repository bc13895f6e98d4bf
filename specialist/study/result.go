package study

import (
	"context"
	"fmt"
	"time"

	"github.com/kdonnx/kdonnx/distill/metrics"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/specialist"
)

// Result is what a study came to. Its JSON is what `specialist run --json`
// prints.
type Result struct {
	report.Specialists
	Tests  []Test             `json:"tests"`  // every other model against the generalist, and against the specialists
	Parity *specialist.Parity `json:"parity"` // of the one file of the seed that is shown
	WallS  float64            `json:"wall_s"` // of this call
	Files  Files              `json:"files"`
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
	return list
}

// result makes the figures of all seeds one.
func (s *study) result(context.Context) (*Result, error) {
	list, first := s.models(), s.seeds[0]
	r := &Result{Specialists: report.Specialists{Title: "A generalist and its specialists", Rows: report.Source{Name: s.data.TestIs, Digest: s.rows[testRows]},
		Labelled: first.judged.Alone.Result.Labelled, Classes: first.bundle.Classes, Shown: first.number, Confusion: first.confusion(), Asked: first.judged.Asked},
		Parity: first.exported.Parity}
	residual := report.Number(first.judged.Residual)
	r.Residual = &residual
	for _, one := range s.seeds {
		r.Seeds = append(r.Seeds, one.number)
		r.Notes = append(r.Notes, one.remarks()...)
	}
	for _, m := range list {
		r.Models = append(r.Models, m.reported())
	}
	r.Tests = tests(list)
	r.Verdict = s.verdict(list[0], list[1])
	r.Covering, r.Curve = s.covering(), s.curve()
	r.Sets, r.Union = first.sets()
	r.Files = Files{Report: s.at(pageFile), CSV: s.at(csvFile), JSON: s.at(jsonFile), Bundle: first.at(trainStep), OneFile: first.at(exportStep, first.exported.File)}
	r.WallS = time.Since(s.began).Seconds()
	return r, nil
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
		one.Mean, one.SD = metrics.MeanSD(one.Values)
		list = append(list, one)
	}
}

// sets are those of a seed, and all of them as one.
func (s *seed) sets() (list []report.SpecialistSet, union *report.SpecialistSet) {
	seconds, confusion := map[string]float64{}, map[string]float64{}
	for _, r := range s.fleet.Specialists {
		seconds[r.File] = r.Seconds
		confusion[r.File] = s.clusters.Clusters[r.Index].Confusion
	}
	for _, c := range s.judged.Conditional {
		set := report.SpecialistSet{Rows: c.Rows, Before: c.Before, After: c.After}
		if c.Set < 0 {
			for k := range s.bundle.Classes {
				if s.covered(k) {
					set.Classes = append(set.Classes, k)
				}
			}
			union = &set
			continue
		}
		e := s.bundle.Specialists[c.Set]
		share := report.Number(confusion[e.File])
		set.Classes, set.Asked, set.Seconds, set.Confusion = e.Classes, s.judged.AskedOf[c.Set], report.Number(seconds[e.File]), &share
		list = append(list, set)
	}
	return list, union
}

// covered tells whether a specialist of the bundle has class k.
func (s *seed) covered(k int) bool {
	sets := specialist.Sets{}
	for _, e := range s.bundle.Specialists {
		sets.Sets = append(sets.Sets, e.Classes)
	}
	return sets.Covering(k) > 0
}

// mostDrawn is of how many classes the confusion is drawn pair by pair.
const mostDrawn = 128

// confusion is what part of the test rows is of one class and answered with
// another by the generalist, either way round; nil of many classes.
func (s *seed) confusion() []report.Number {
	counts := s.judged.Generalist.Confusion
	n := len(counts)
	if n == 0 || n > mostDrawn {
		return nil
	}
	out, rows := make([]report.Number, n*n), float64(max(1, s.judged.Generalist.Labelled))
	for j := range n {
		for k := range n {
			if j != k {
				out[j*n+k] = report.Number(float64(counts[j][k]+counts[k][j]) / 2 / rows)
			} else {
				out[j*n+k] = report.Number(float64(counts[j][k]) / rows)
			}
		}
	}
	return out
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
