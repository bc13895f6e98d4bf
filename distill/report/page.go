package report

import (
	"embed"
	"fmt"
	"html/template"
	"strconv"

	"github.com/kdonnx/kdonnx/dataset"
)

//go:embed *.tmpl
var files embed.FS

var templates = template.Must(template.New("").ParseFS(files, "*.tmpl"))

// maxHistory is the largest number of epochs of a model in the table; of a
// longer history every k-th is shown, and the last.
const maxHistory = 100

// page is what page.tmpl shows: every string is clean, every number is text.
type page struct {
	Title    string
	Verdict  Verdict
	Gain     string
	Warnings []string
	Notes    []string
	Tiles    []tile
	Columns  []tile
	Table    []row
	Bars     []*barChart
	Seeds    *seedsPanel
	Curves   []*lineChart

	Reliability *reliability
	Heat        *heatMap
	HeatNote    string
	Mistakes    []mistake
	ClassChart  *classChart   // the only panel
	ClassCharts []*classChart // or several
	ClassNote   string

	Labels       []row  // of labels that are yes or no
	LabelColumns []tile // the models beside the student
	Scatters     []*scatter
	Targets      []row // of several numbers

	Budget  *budgetTable // nil without one
	Balance *balanceTable

	Parity      []row
	ParityState string // "passed", "failed" or empty
	Provenance  []row
	Formula     string
	Timings     []row
	History     []historyTable
	Chosen      string // what the best epoch is chosen by
}

// tile is the one number of a model.
type tile struct {
	Role         role
	Label, Name  string
	Value, Under string
	Several      bool // Value is a mean over seeds with its deviation
}

func newPage(r *Report) page {
	p := page{
		Title: clean(r.Title), Verdict: r.Verdict, Warnings: cleanAll(r.Warnings), Notes: cleanAll(r.Notes),
		Formula: clean(r.Provenance.Loss), Gain: gain(r),
	}
	p.Verdict.Sentence = clean(r.Verdict.Sentence)
	if p.Title == "" {
		p.Title = "Distillation report"
	}
	models := modelsOf(r)
	for _, m := range models {
		p.Columns = append(p.Columns, newTile(m))
		p.Tiles = append(p.Tiles, r.Seeds.tile(m))
	}
	p.Table = compare(models)
	p.Bars = comparisons(models)
	p.Seeds = newSeedsPanel(r, models)
	p.Curves = curves(r.History, r.Task)
	p.Chosen = "validation " + chosenBy(r.Task)
	p.addTargets(r, models)
	p.Reliability = newReliability(models)
	classes := classNames(r, models)
	var worst bool
	if p.ClassCharts, worst = newClassCharts(models, classes); len(p.ClassCharts) == 1 {
		p.ClassChart, p.ClassCharts = p.ClassCharts[0], nil
		p.ClassChart.Key = p.Columns
	} else if worst {
		p.ClassNote = fmt.Sprintf("The %d classes that the student does worst on, worst first.", 2*panelRows)
	}
	if r.Student != nil {
		p.Heat = newHeatMap(r.Student.Confusion, classes)
		p.Mistakes = mistakes(r.Student.Confusion, classes, 10)
		if p.Heat == nil && r.Student.Labelled > 0 && r.Task == dataset.MultiClass {
			p.HeatNote = fmt.Sprintf("With %s the matrix is too large to draw.", thousands(int64(len(classes)))+" classes")
		}
	}
	p.Budget = newBudgetTable(r.Budget, r.Task)
	p.Balance = newBalanceTable(r.Balance, append(cleanAll(r.Classes), cleanAll(r.Targets)...))
	p.Parity, p.ParityState = parityRows(r.Parity)
	p.Provenance = provenanceRows(r)
	p.Timings = timingRows(r)
	for _, h := range []struct {
		role   role
		epochs []Epoch
	}{{studentRole, r.History.Student}, {baselineRole, r.History.Baseline}} {
		if len(h.epochs) > 0 {
			p.History = append(p.History, newHistoryTable(h.role, h.epochs, r.Task))
		}
	}
	return p
}

// addTargets adds what is about labels or numbers.
func (p *page) addTargets(r *Report, models []model) {
	if r.Student == nil || r.Task == dataset.MultiClass {
		return
	}
	names := targetNames(r, models)
	var others []model
	for _, m := range models {
		if m.Role != studentRole {
			others = append(others, m)
			p.LabelColumns = append(p.LabelColumns, newTile(m))
		}
	}
	p.Labels = labelRows(r.Student, others, names)
	if r.Student.Regression == nil {
		return
	}
	p.Targets = targetRows(models, names)
	for k, t := range r.Student.PerTarget {
		if c := newScatter(names[k], t); c != nil {
			c.ID = fmt.Sprintf("scatter%d", k+1)
			p.Scatters = append(p.Scatters, c)
		}
	}
}

// chosenBy is what the best epoch is chosen by.
func chosenBy(task dataset.Task) string {
	switch task {
	case dataset.MultiLabel:
		return "micro-F1"
	case dataset.Regression:
		return "R²"
	}
	return "accuracy"
}

func cleanAll(in []string) []string {
	var out []string
	for _, s := range in {
		out = append(out, clean(s))
	}
	return out
}

// classNames gives every class of any model a name.
func classNames(r *Report, models []model) []string {
	n := len(r.Classes)
	for _, m := range models {
		n = max(n, len(m.PerClass), len(m.Confusion))
	}
	names := make([]string, n)
	for i := range names {
		if i < len(r.Classes) {
			names[i] = clean(r.Classes[i])
		}
		if names[i] == "" {
			names[i] = strconv.Itoa(i)
		}
	}
	return names
}

// gain says how much of the way from the baseline to the teacher the student
// goes, where there is a way to go.
func gain(r *Report) string {
	if r.Teacher == nil || r.Baseline == nil || r.Student == nil || r.Teacher.Labelled != r.Student.Labelled || r.Baseline.Labelled != r.Student.Labelled {
		return ""
	}
	teacher, baseline, student := float64(r.Teacher.Errors), float64(r.Baseline.Errors), float64(r.Student.Errors)
	key := "errors"
	if r.Task == dataset.Regression {
		key, teacher, baseline, student = "mae", r.Teacher.MAE, r.Baseline.MAE, r.Student.MAE
	}
	if s := r.Seeds; s != nil {
		baseline, student = s.Baseline[key].Mean, s.Student[key].Mean
	}
	way, gone := baseline-teacher, baseline-student
	if way <= 0 || gone <= 0 {
		return ""
	}
	return fmt.Sprintf("The student goes %s of the way from the baseline to the teacher.", percent(gone/way, 0))
}

func newTile(m model) tile {
	t := tile{Role: m.Role, Label: m.Label, Name: clean(m.Name), Value: none}
	switch {
	case m.Labelled == 0:
		t.Under = "no labelled rows"
	case m.Task == dataset.MultiLabel:
		t.Value = percent(m.MicroF1, 2)
		t.Under = fmt.Sprintf("micro-F1; %s of %s with a wrong label", plural(m.Errors, "row"), thousands(int64(m.Labelled)))
	case m.Task == dataset.Regression:
		t.Value, t.Under = general(m.R2), fmt.Sprintf("R²; RMSE %s, MAE %s", general(m.RMSE), general(m.MAE))
	default:
		t.Value = percent(m.Accuracy, 2)
		t.Under = fmt.Sprintf("%s of %s", plural(m.Errors, "error"), thousands(int64(m.Labelled)))
	}
	return t
}
