package sweep

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kdonnx/kdonnx/distill"
	"github.com/kdonnx/kdonnx/distill/report"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// Result is what a sweep came to. Its JSON is what `sweep --json` prints.
type Result struct {
	report.Sweep
	Files  Files           `json:"files"`
	Recipe *distill.Recipe `json:"-"` // of the best cell, on all training rows; nil where every cell diverged
}

// Files are what a sweep leaves.
type Files struct {
	CSV    string `json:"csv"`
	JSON   string `json:"json"`
	Report string `json:"report"`
	Best   string `json:"best"`
}

// result ranks the entries and words what came out.
func (s *sweeper) result(ctx context.Context) (*Result, error) {
	cells, baselines := slices.Clone(s.cells), slices.Clone(s.baselines)
	slices.SortStableFunc(cells, order)
	slices.SortStableFunc(baselines, order)
	data := s.session.Data()
	r := &Result{Sweep: report.Sweep{
		Title: "Sweep of " + strconv.Itoa(len(cells)) + " settings", Method: s.method(), Task: s.session.Task(), Measure: s.session.Measure(),
		Epochs: s.plan.Base.Train.Epochs, Seeds: s.plan.Seeds, JudgedOn: data.TestIs, Rows: data.Test.Len(), Version: s.env.Version,
		Notes: append(slices.Clone(s.session.Notes()), s.notes...), WallS: report.Number(time.Since(s.began).Seconds()),
	}}
	if len(s.rungs) > 1 {
		r.Rungs = s.rungs
	}
	for _, key := range settings(s.plan.Cells) {
		a := report.SweepAxis{Key: key, Label: Label(key)}
		if a.Label == "" {
			_, a.Label, _ = strings.Cut(map[string]string{"student.arch": ".student", "loss.name": ".loss"}[key], ".")
		}
		for _, e := range s.cells {
			if v := e.cell.Value(key); !slices.Contains(a.Values, v) {
				a.Values = append(a.Values, v)
			}
		}
		r.Axes = append(r.Axes, a)
	}
	teacher, known, err := s.session.JudgeTeacher(ctx)
	if err != nil {
		return nil, err
	}
	if known {
		v := report.Number(teacher.Value)
		r.Teacher = &v
	}
	for _, list := range []struct {
		from []*entry
		to   *[]report.SweepCell
	}{{cells, &r.Cells}, {baselines, &r.Baselines}} {
		for _, e := range list.from {
			*list.to = append(*list.to, s.cellOf(e, list.from[0]))
			r.Seconds += report.Number(e.standing.seconds)
		}
	}
	r.Sizes = s.sizes(cells, baselines)
	r.Files = Files{filepath.Join(s.plan.Dir, csvFile), filepath.Join(s.plan.Dir, jsonFile), filepath.Join(s.plan.Dir, htmlFile), filepath.Join(s.plan.Dir, bestFile)}
	if err := s.best(r, cells); err != nil {
		return nil, err
	}
	r.Sentences = s.sentences(r)
	return r, nil
}

// method is how cells were chosen, in words.
func (s *sweeper) method() string {
	how := fmt.Sprintf("%d settings", len(s.cells))
	if s.plan.Seeds > 1 {
		how += fmt.Sprintf(", %d seeds each", s.plan.Seeds)
	}
	if s.plan.Halving == nil {
		return how + fmt.Sprintf(", %d epochs each", s.plan.Base.Train.Epochs)
	}
	var at []string
	for _, epochs := range s.rungs {
		at = append(at, strconv.Itoa(epochs))
	}
	return how + fmt.Sprintf(", successive halving: the best one in %d goes on at epochs %s", s.plan.Halving.Eta, strings.Join(at, ", "))
}

// cellOf is e beside the best of its role.
func (s *sweeper) cellOf(e, best *entry) report.SweepCell {
	st := e.standing
	c := report.SweepCell{Name: e.cell.Name(), Value: report.Number(st.value), SE: report.Number(st.se), SD: report.Number(st.spread), Loss: report.Number(st.loss),
		Params: st.params, FLOPs: st.flops, Epochs: st.epochs, Left: e.rung < len(s.rungs)-1, Seconds: report.Number(st.seconds), Diverged: st.why}
	for _, setting := range e.cell {
		c.Settings = append(c.Settings, report.SweepSetting(setting))
	}
	behind, se := apart(best.standing, st)
	c.Behind, c.BehindSE = report.Number(behind), report.Number(se)
	c.Within = !c.Left && !st.diverged() && (e == best || !(behind > sure*se)) // also where se is not known
	if st.diverged() {
		nan := report.Number(math.NaN())
		c.Value, c.SE, c.SD, c.Loss, c.Behind, c.BehindSE, c.Within = nan, nan, nan, nan, nan, nan, false
	}
	for _, t := range e.trainings {
		r := t.at[s.rungs[e.rung]]
		c.Trainings = append(c.Trainings, report.SweepTraining{Seed: r.Seed, Value: report.Number(r.Value), Loss: report.Number(r.Loss), BestAt: r.BestAt, Epochs: r.Epochs})
	}
	return c
}

// sizes is the best of each architecture beside the best baseline of it, both
// tuned over the same values of the training.
func (s *sweeper) sizes(cells, baselines []*entry) (list []report.SweepSize) {
	done := map[string]bool{}
	arch := func(e *entry) string {
		if a := e.cell.Value("student.arch"); a != "" {
			return a
		}
		return s.plan.Base.Student.Arch
	}
	for _, e := range s.cells {
		name := arch(e)
		if done[name] {
			continue
		}
		done[name] = true
		of := func(list []*entry) *entry {
			i := slices.IndexFunc(list, func(e *entry) bool { return arch(e) == name })
			if i < 0 || list[i].standing.diverged() {
				return nil
			}
			return list[i]
		}
		student, baseline := of(cells), of(baselines)
		if student == nil {
			continue
		}
		size := report.SweepSize{Name: name, Params: student.standing.params, Student: report.Number(student.standing.value), Gain: report.Number(math.NaN()), GainSE: report.Number(math.NaN())}
		if baseline != nil {
			v := report.Number(baseline.standing.value)
			size.Baseline = &v
			gain, se := apart(student.standing, baseline.standing)
			size.Gain, size.GainSE = report.Number(gain), report.Number(se)
			size.Sentence = s.gain(gain, se, student.rung != baseline.rung)
		}
		list = append(list, size)
	}
	return list
}

// gain says whether a student is better than its baseline.
func (s *sweeper) gain(gain, se float64, uneven bool) string {
	by := s.difference(math.Abs(gain))
	switch {
	case uneven:
		return "left behind by halving: not trained as long as its baseline"
	case gain > 0 && gain > sure*se:
		return "distillation helps: " + by + " more"
	case gain > 0:
		return "distillation is not helping here: " + by + " more is within chance"
	case gain == 0:
		return "distillation is not helping here: no difference"
	}
	return "distillation is not helping here: " + by + " less"
}

// difference is one of two values of the measure for people: of shares in
// points, since a per cent of a per cent would be something else.
func (s *sweeper) difference(v float64) string {
	if s.session.Measure() == "R²" {
		return s.shown(v)
	}
	return fmt.Sprintf("%.2f percentage points", 100*v)
}

// best writes the recipe of the best cell.
func (s *sweeper) best(r *Result, cells []*entry) error {
	b := cells[0]
	if b.standing.diverged() {
		return nil
	}
	recipe := b.trainings[0].recipe
	if recipe.Teacher.Store == "" {
		recipe.Teacher.Store = s.session.Targets() // which holds the validation rows and those held out too
	}
	st := b.standing
	head := []string{
		"The best of a sweep: kdonnx distill --recipe " + r.Files.Best,
		s.method() + ".",
		fmt.Sprintf("%s %s on %s;", s.session.Measure(), s.plusMinus(st.value, st.se), r.JudgedOn),
		"the best of many figures flatters: the test rows, not opened so far, say what it is worth.",
	}
	notes := map[string]string{"teacher.store": "what the teacher said in the sweep"}
	keys := settings(s.plan.Cells)
	for _, key := range keys {
		var values []string
		for _, a := range s.plan.Axes {
			if a.Key == key && a.Ranged() {
				values = []string{fmt.Sprintf("%v to %v", a.Lo, a.Hi)}
			}
		}
		for _, e := range s.cells {
			if v := e.cell.Value(key); !slices.Contains(values, v) && (len(values) == 0 || !strings.Contains(values[0], " to ")) {
				values = append(values, v)
			}
		}
		if len(values) > 12 {
			values = append(values[:12], "…")
		}
		notes[key] = "of " + strings.Join(values, "; ")
	}
	text, err := recipe.YAML(head, keys, notes)
	if err != nil {
		return fault.New(fault.IO, r.Files.Best, "", "cannot encode: %w", err)
	}
	r.Recipe, r.Best, r.Command = &recipe, string(text), "kdonnx distill --recipe "+r.Files.Best
	return nil
}

// plusMinus is a value with its standard error for people.
func (s *sweeper) plusMinus(v, se float64) string {
	if math.IsNaN(se) {
		return s.shown(v)
	}
	if s.session.Measure() == "R²" {
		return fmt.Sprintf("%.4f ± %.4f", v, se)
	}
	return fmt.Sprintf("%.2f ± %.2f %%", 100*v, 100*se)
}

// fewRows is below how many rows an accuracy is too coarse to rank settings by:
// one of 100 is a percentage point, and at 90 % the standard error is three.
const fewRows = 100

// sentences are what came out in words.
func (s *sweeper) sentences(r *Result) []string {
	if r.Best == "" {
		return []string{"Every setting diverged: try lower learning rates."}
	}
	best := r.Cells[0]
	within, others := 0, 0 // of those that ran as long
	for _, c := range r.Cells[1:] {
		if c.Within {
			within++
		}
		if !c.Left && c.Diverged == "" {
			others++
		}
	}
	list := []string{fmt.Sprintf("Best: %s, %s %s on %s.", best.Name, r.Measure, s.plusMinus(float64(best.Value), float64(best.SE)), r.JudgedOn)}
	switch {
	case within == 1:
		list = append(list, "1 other setting is not told apart from it (95 %, on the same rows); more --seeds or a larger --hold-out may.")
	case within > 1:
		list = append(list, fmt.Sprintf("%d other settings are not told apart from it (95 %%, on the same rows); more --seeds or a larger --hold-out may.", within))
	case others > 0:
		list = append(list, "It is told apart from every other setting that ran as long (95 %, on the same rows).")
	}
	if r.Measure == "accuracy" && r.Rows < fewRows {
		list = append(list, fmt.Sprintf("Only %d rows judge, each worth %s: too few to choose by. More rows, or a larger --hold-out, would say more.", r.Rows, s.difference(1/float64(r.Rows))))
	}
	for _, size := range r.Sizes {
		if size.Sentence != "" {
			list = append(list, fmt.Sprintf("%s beside its best baseline: %s.", size.Name, size.Sentence))
		}
	}
	return list
}
