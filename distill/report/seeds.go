package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/distill/metrics"
)

// Seeds is what training came to with several seeds. Teacher, Baseline and
// Student of the Report are those of the exported seed.
type Seeds struct {
	Seeds    []uint64          `json:"seeds"`
	Exported uint64            `json:"exported"`
	ChosenBy string            `json:"chosen_by"` // "validation accuracy" or the like; "first" without validation rows
	Student  map[string]Spread `json:"student"`   // by name: errors, accuracy, agreement, ece, nll, micro_f1, macro_f1, r2, rmse, mae
	Baseline map[string]Spread `json:"baseline,omitempty"`
}

// Spread is one number over the seeds.
type Spread struct {
	Mean   float64   `json:"mean"`
	SD     float64   `json:"sd"`     // with n − 1
	Values []float64 `json:"values"` // in the order of the seeds
}

// score is one number of a model, by its name in JSON and for people.
type score struct {
	Key, Name string
	Value     float64
	show      func(x float64) string
}

// scores are the numbers of a model that are told over seeds, the main one
// first.
func scores(r metrics.Result) (list []score) {
	add := func(when bool, key, name string, v float64, show func(float64) string) {
		if when {
			list = append(list, score{key, name, v, show})
		}
	}
	share := func(digits int) func(float64) string {
		return func(x float64) string { return strconv.FormatFloat(100*x, 'f', digits, 64) + " %" }
	}
	labelled, compared := r.Labelled > 0, r.Compared > 0
	if r.Task == dataset.Regression {
		if r.Regression != nil {
			add(labelled, "mae", "Mean absolute error", r.MAE, general)
			add(labelled, "rmse", "Root mean squared error", r.RMSE, general)
			add(labelled, "r2", "R²", r.R2, general)
		}
		add(compared, "agreement", "R² to the teacher", r.Agreement, general)
		return list
	}
	if r.MultiLabel != nil {
		add(labelled, "errors", "Rows with a wrong label", float64(r.Errors), errorsText)
		add(labelled, "micro_f1", "Micro-F1", r.MicroF1, share(2))
		add(labelled, "macro_f1", "Macro-F1", r.MacroF1, share(2))
	} else {
		add(labelled, "errors", "Errors", float64(r.Errors), errorsText)
	}
	add(labelled, "accuracy", "Accuracy", r.Accuracy, share(2))
	add(compared, "agreement", "Agreement with the teacher", r.Agreement, share(2))
	add(labelled, "ece", "Calibration error (ECE)", r.ECE, share(2))
	add(labelled, "nll", "Log loss", r.NLL, general)
	return list
}

// errorsText is a number of errors, or a mean of such.
func errorsText(x float64) string {
	if x == math.Trunc(x) {
		return thousands(int64(x))
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

// Spreads are the numbers of one role over the seeds, by their names in JSON.
func Spreads(results []metrics.Result) map[string]Spread {
	all := map[string]Spread{}
	for _, r := range results {
		for _, s := range scores(r) {
			one := all[s.Key]
			one.Values = append(one.Values, s.Value)
			all[s.Key] = one
		}
	}
	for key, s := range all {
		s.Mean, s.SD = metrics.MeanSD(s.Values)
		all[key] = s
	}
	return all
}

// seedsPanel is what seeds.tmpl shows.
type seedsPanel struct {
	Note    string
	Strip   *strip
	Columns []tile
	Rows    []row
	Tests   []row
	Seeds   []row // the main number of each
	Main    string
}

// newSeedsPanel is nil for one seed.
func newSeedsPanel(r *Report, models []model) *seedsPanel {
	s := r.Seeds
	if s == nil || r.Student == nil {
		return nil
	}
	p := &seedsPanel{Note: fmt.Sprintf("Trained with %s: other initial weights, order and augmentation, the same rows. The exported student is that of seed %d, %s; all else on this page is of that seed.",
		plural(len(s.Seeds), "seed"), s.Exported, chosenAs(s.ChosenBy))}
	list := scores(r.Student.Result)
	for _, m := range models {
		p.Columns = append(p.Columns, newTile(m))
	}
	for _, sc := range list {
		cells := row{Name: sc.Name}
		for _, m := range models {
			cells.Values = append(cells.Values, s.cell(m, sc))
		}
		p.Rows = append(p.Rows, cells)
	}
	if len(list) > 0 {
		p.Main = list[0].Name
		p.Strip = newStrip(s, list[0], models)
		for i, seed := range s.Seeds {
			cells := row{Name: strconv.FormatUint(seed, 10)}
			for _, of := range []map[string]Spread{s.Baseline, s.Student} {
				text := none
				if v := of[list[0].Key].Values; i < len(v) {
					text = list[0].show(v[i])
				}
				cells.Values = append(cells.Values, text)
			}
			p.Seeds = append(p.Seeds, cells)
		}
	}
	if g := r.Verdict.Gain; g != nil {
		p.Tests = g.rows()
	}
	return p
}

// chosenAs says why a seed is exported.
func chosenAs(by string) string {
	if by == "first" {
		return "the first"
	}
	return "the best by " + clean(by)
}

// of is the spread of one role; nil for the teacher, who is not trained.
func (s *Seeds) of(who role) map[string]Spread {
	switch who {
	case studentRole:
		return s.Student
	case baselineRole:
		return s.Baseline
	}
	return nil
}

// tile is that of m: of what was trained with several seeds the means, since the
// verdict is about these, and not those of the one that is exported.
func (s *Seeds) tile(m model) tile {
	t := newTile(m)
	if s == nil || m.Labelled == 0 {
		return t
	}
	of := s.of(m.Role)
	text := map[string]string{}
	for _, sc := range scores(m.Result) {
		spread, ok := of[sc.Key]
		switch {
		case ok:
			text[sc.Key] = plusMinus(sc.show(spread.Mean), sc.show(spread.SD))
		case sc.Key != "agreement" && sc.Key != "ece": // which no tile has
			return t
		}
	}
	t.Several = true
	seeds, rows := plural(len(s.Seeds), "seed"), thousands(int64(m.Labelled))
	switch m.Task {
	case dataset.MultiLabel:
		t.Value, t.Under = text["micro_f1"], fmt.Sprintf("micro-F1; %s rows of %s with a wrong label; mean of %s", text["errors"], rows, seeds)
	case dataset.Regression:
		t.Value, t.Under = text["r2"], fmt.Sprintf("R²; RMSE %s, MAE %s; mean of %s", text["rmse"], text["mae"], seeds)
	default:
		t.Value, t.Under = text["accuracy"], fmt.Sprintf("%s errors of %s; mean of %s", text["errors"], rows, seeds)
	}
	return t
}

// cell is a number of one model: with its spread, unless it is the teacher's.
func (s *Seeds) cell(m model, sc score) string {
	if spread, ok := s.of(m.Role)[sc.Key]; ok {
		return plusMinus(sc.show(spread.Mean), sc.show(spread.SD))
	}
	for _, own := range scores(m.Result) {
		if own.Key == sc.Key && m.Role == teacherRole {
			return sc.show(own.Value)
		}
	}
	return none
}

// plusMinus joins two numbers of one unit.
func plusMinus(mean, sd string) string {
	const unit = " %"
	if n := len(mean) - len(unit); n > 0 && mean[n:] == unit {
		mean = mean[:n]
	}
	return mean + " ± " + sd
}

// rows are the tests of a gain.
func (g *Gain) rows() []row {
	interval := func(t metrics.TTest) string { return g.text(t.Low) + " to " + g.text(t.High) }
	p := func(x float64) string { return "p " + pValue(x) }
	return []row{
		{"Mean gain in " + clean(g.Unit), []string{plusMinus(g.text(g.Mean), g.text(g.SD)), "95 % interval " + g.text(g.Low) + " to " + g.text(g.High)}},
		{"Seeds on which the student is better", []string{fmt.Sprintf("%d of %d", g.Better, g.seeds()), ""}},
		{"Over seeds: paired t test", []string{p(g.OverSeeds.P), interval(g.OverSeeds)}},
		{"Over test rows: random signs, or of numbers Wilcoxon's", []string{p(g.OverRows.P), fmt.Sprintf("student better on %s, worse on %s", thousands(int64(g.OverRows.OnlyB)), thousands(int64(g.OverRows.OnlyA)))}},
		{"Over both at once", []string{p(g.Together.P), interval(g.Together)}},
	}
}

// seedsSheet is the mean and deviation of every number over the seeds, and each
// seed's own.
func seedsSheet(r *Report, add put) {
	s := r.Seeds
	if s == nil {
		return
	}
	for _, who := range []role{baselineRole, studentRole} {
		of := s.of(who)
		for _, key := range slices.Sorted(maps.Keys(of)) {
			add("seeds", string(who), "mean", key, number(of[key].Mean))
			add("seeds", string(who), "sd", key, number(of[key].SD))
			for i, v := range of[key].Values {
				if i < len(s.Seeds) {
					add("seeds", string(who), strconv.FormatUint(s.Seeds[i], 10), key, number(v))
				}
			}
		}
	}
	add("seeds", "", "", "exported", strconv.FormatUint(s.Exported, 10))
	add("seeds", "", "", "chosen_by", s.ChosenBy)
}

// gainSheet is verdict.gain, with a row for each of its tests.
func gainSheet(r *Report, add put) {
	g := r.Verdict.Gain
	if g == nil {
		return
	}
	one := func(row, column string, x float64) { add("gain", "", row, column, number(x)) }
	add("gain", "", "", "unit", g.Unit)
	one("", "mean", g.Mean)
	one("", "sd", g.SD)
	one("", "low", g.Low)
	one("", "high", g.High)
	one("", "p", g.P)
	one("", "better", float64(g.Better))
	one("", "worse", float64(g.Worse))
	test := func(row string, t metrics.TTest) {
		one(row, "p", t.P)
		one(row, "low", t.Low)
		one(row, "high", t.High)
	}
	test("over_seeds", g.OverSeeds)
	one("over_rows", "p", g.OverRows.P)
	test("together", g.Together)
}
