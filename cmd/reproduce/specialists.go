package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
	"github.com/kdonnx/kdonnx/specialist/study"
)

// letterStudies are generalists of UCI Letter with specialists, the first as the
// recipe has it.
var letterStudies = []struct {
	name string
	sets []string // keys of the recipe that differ
}{
	{"mlp:16, 20 sets of 10 classes", nil},
	{"mlp:16, 20 sets, α = 0.5", []string{"specialist.alpha=0.5", "specialist.rivals=false", "specialist.students=[same]"}},
	{"mlp:16, 8 disjoint sets", []string{"specialist.sets=8", "specialist.classes_each=0", "specialist.rivals=false", "specialist.students=[same]"}},
	{"mlp:32, 20 sets of 10 classes", []string{"student.arch=mlp:32", "specialist.rivals=false", "specialist.students=[same]"}},
	{"mlp:64, 20 sets of 10 classes", []string{"student.arch=mlp:64", "specialist.rivals=false", "specialist.students=[same]"}},
}

// paperGain is the relative gain in top-1 of section 5.5.
const paperGain = 0.044

// letterSpecialists is section 5 of the paper on UCI Letter.
func letterSpecialists(ctx context.Context, l *lab) (*finding, error) {
	train, test, err := l.letterRows()
	if err != nil {
		return nil, err
	}
	f := &finding{Tables: []table{{Caption: fmt.Sprintf("Errors of 4,000, %d seeds.", l.students), Head: []string{"generalist, sets", "errors", "with specialists", "relative gain in top-1", "distilled back into the same net", "of the gain kept", "the same net taught by the generalist alone"}}}}
	for i, one := range letterStudies {
		r, err := l.study("specialists", "specialists/letter-"+fmt.Sprint(i+1), one.sets...)
		if err != nil {
			return nil, err
		}
		r.Data.Train, r.Data.Test = train, test
		s, err := l.follow(ctx, "specialists, "+one.name, r)
		if err != nil {
			return nil, err
		}
		gain := relativeGains(s)
		back := s.Students[0]
		f.Tables[0].Rows = append(f.Tables[0].Rows, []string{one.name, errorsText(s, report.GeneralistPart), errorsText(s, report.EnsemblePart), percents(gain),
			spread(back.Errors.Values), keptText(back), spread(back.Control.Values)})
		if i > 0 {
			f.Rows = append(f.Rows, row{"letter, " + one.name + ": gain of specialists in top-1", "+4.4 %", "–", percents(gain), reported})
			continue
		}
		f.Rows = append(f.Rows,
			row{"letter, " + one.name + ": gain of specialists in top-1", "+4.4 %", "≥ +4.4 %", percents(gain), judge(stat.Mean(gain, nil) >= paperGain)},
			row{"the same distilled back into one net of the generalist's size", "not shown", "≥ 80 % of the gain kept", keptText(back), judge(float64(back.Kept) >= 0.8)})
		for _, larger := range s.Students[1:] {
			f.Rows = append(f.Rows, row{"the same distilled back into a larger net: " + larger.Model, "not shown", "–", fmt.Sprintf("%s (%s errors; taught by the generalist alone %s)", keptText(larger), spread(larger.Errors.Values), spread(larger.Control.Values)), reported})
		}
		f.tellStudy(s)
		f.Text = append(f.Text, "A net of the generalist's size keeps next to nothing, because it is full: twice the epochs on labels make it no better either. What the specialists know needs more units than it has.")
		if err := f.drawGain("specialists", "UCI Letter: gain in top-1 over the specialists added one at a time", s); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// characters is the same on the embedded characters.
func characters(ctx context.Context, l *lab) (*finding, error) {
	r, err := l.study("../specialists", "specialists/characters")
	if err != nil {
		return nil, err
	}
	r.Teacher.Model = distill.Embedded
	s, err := l.follow(ctx, "characters", r)
	if err != nil {
		return nil, err
	}
	gain, back := relativeGains(s), s.Students[0]
	f := &finding{Rows: []row{
		{"embedded characters, " + r.Student.Arch + fmt.Sprintf(": gain of %d specialists in top-1", len(s.Sets)), "+4.4 %", "reported", percents(gain), reported},
		{"the same distilled back into one net of the generalist's size", "not shown", "≥ 80 % of the gain kept", keptText(back), judge(float64(back.Kept) >= 0.8)}}}
	var sets []string
	for _, set := range s.Sets {
		var names string
		for _, k := range set.Classes {
			names += s.Classes[k]
		}
		sets = append(sets, fault.Printable(names))
	}
	f.Text = []string{"The sets of the first seed: " + strings.Join(sets, ", ") + "."}
	f.tellStudy(s)
	return f, nil
}

// study is a recipe of specialists that leaves its files in a folder.
func (l *lab) study(name, dir string, sets ...string) (distill.Recipe, error) {
	r, err := l.recipe(name, sets...)
	r.Specialist.Output, r.Train.Seeds = filepath.Join(l.out, dir), l.students
	return r, err
}

// follow runs a study, or goes on with it.
func (l *lab) follow(ctx context.Context, name string, r distill.Recipe) (*study.Result, error) {
	s, err := study.Run(ctx, r, distill.Env{Cache: l.cache, Version: "reproduce", Progress: l.progress(name), Log: func(line string) { l.say("  %s", line) }})
	if err != nil {
		return nil, fault.At(name, err)
	}
	l.say("%s: %s", name, s.Verdict.Sentence)
	return s, nil
}

// part is the first model that stands for something.
func part(s *study.Result, p report.ModelPart) report.SpecialistsModel {
	for _, m := range s.Models {
		if m.Part == p {
			return m
		}
	}
	return report.SpecialistsModel{}
}

func errorsText(s *study.Result, p report.ModelPart) string {
	return spread(part(s, p).Scores["errors"].Values)
}

// relativeGains are those in top-1 by seed.
func relativeGains(s *study.Result) []float64 {
	before, after := part(s, report.GeneralistPart).Scores["accuracy"].Values, part(s, report.EnsemblePart).Scores["accuracy"].Values
	gains := make([]float64, len(before))
	for i := range gains {
		gains[i] = after[i]/before[i] - 1
	}
	return gains
}

// percents is mean ± standard deviation of shares.
func percents(x []float64) string {
	if len(x) == 1 {
		return fmt.Sprintf("%+.2f %%", 100*x[0])
	}
	mean, sd := stat.MeanStdDev(x, nil)
	return fmt.Sprintf("%+.2f ± %.2f %%", 100*mean, 100*sd)
}

func keptText(s study.Student) string {
	if s.Kept != s.Kept {
		return "no gain to keep"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(s.Kept))
}

// tellStudy adds what a study came to, model by model and by the number of
// specialists that cover a row's class.
func (f *finding) tellStudy(s *study.Result) {
	f.Text = append(append(f.Text, s.Verdict.Sentence), s.Sentences...)
	models := table{Head: []string{"model", "errors", "parameters", "FLOPs a row", "ms a row in ONNX Runtime"}}
	for _, m := range s.Models {
		models.Rows = append(models.Rows, []string{m.Name, spread(m.Scores["errors"].Values), fmt.Sprint(m.Params), fmt.Sprintf("%.0f", float64(m.FLOPs)), latencyText(m)})
	}
	covering := table{Caption: "By the number of specialists that cover a row's class (table 4 of the paper), all seeds together.", Head: []string{"specialists", "rows", "right before", "after", "relative"}}
	for _, c := range s.Covering {
		if c.Rows > 0 {
			covering.Rows = append(covering.Rows, []string{fmt.Sprint(c.Specialists), fmt.Sprint(c.Rows), fmt.Sprint(c.Before), fmt.Sprint(c.After), fmt.Sprintf("%+.2f %%", 100*(float64(c.After)/float64(c.Before)-1))})
		}
	}
	f.Tables = append(f.Tables, models, covering)
}

func latencyText(m report.SpecialistsModel) string {
	if m.LatencyMS == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3g", float64(m.LatencyMS))
}

// drawGain draws the relative gain over the number of specialists.
func (f *finding) drawGain(name, title string, s *study.Result) error {
	curve := named("mean of the seeds")
	for j, v := range s.Curve {
		curve.add(float64(j), 100*(v.Mean/s.Curve[0].Mean-1), 0)
	}
	return f.draw(name, title, "specialists", "relative gain in top-1, %", false, []line{curve})
}
