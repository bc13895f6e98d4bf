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
}

// row is one line of a table.
type row struct {
	Name   string
	Values []string
}

type historyTable struct {
	Role  role
	Label string
	Note  string
	Rows  []row
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
	var models []model
	for _, m := range []model{{teacherRole, "teacher", r.Teacher}, {baselineRole, "baseline", r.Baseline}, {studentRole, "student", r.Student}} {
		if m.Block != nil {
			models = append(models, m)
			p.Tiles = append(p.Tiles, newTile(m))
		}
	}
	p.Columns = p.Tiles
	p.Table = compare(models)
	p.Bars = comparisons(models)
	p.Curves = curves(r.History, r.Task)
	p.Chosen = "validation " + chosenBy(r.Task)
	p.addTargets(r, models)
	p.Reliability = newReliability(models)
	classes := classNames(r, models)
	var worst bool
	if p.ClassCharts, worst = newClassCharts(models, classes); len(p.ClassCharts) == 1 {
		p.ClassChart, p.ClassCharts = p.ClassCharts[0], nil
		p.ClassChart.Key = p.Tiles
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
	way, gone := float64(r.Baseline.Errors-r.Teacher.Errors), float64(r.Baseline.Errors-r.Student.Errors)
	if r.Task == dataset.Regression {
		way, gone = r.Baseline.MAE-r.Teacher.MAE, r.Baseline.MAE-r.Student.MAE
	}
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

// compare is the table of all numbers; a row that no model has is left out.
func compare(models []model) []row {
	var rows []row
	add := func(name string, get func(*Block) string) {
		r, some := row{Name: name}, false
		for _, m := range models {
			v := get(m.Block)
			some = some || v != none
			r.Values = append(r.Values, v)
		}
		if some {
			rows = append(rows, r)
		}
	}
	when := func(ok bool, s string) string {
		if !ok {
			return none
		}
		return s
	}
	labels := func(get func(b *Block) string) func(b *Block) string {
		return func(b *Block) string {
			if b.Task != dataset.MultiLabel || b.Labelled == 0 {
				return none
			}
			return get(b)
		}
	}
	add("Micro-F1", labels(func(b *Block) string { return percent(b.MicroF1, 2) }))
	add("Macro-F1", labels(func(b *Block) string { return percent(b.MacroF1, 2) }))
	add("Mean average precision", labels(func(b *Block) string {
		if b.MAP == nil {
			return none
		}
		return percent(*b.MAP, 2)
	}))
	add("Label decisions right", labels(func(b *Block) string { return percent(b.LabelAccuracy, 2) }))
	add("Rows with all labels right", labels(func(b *Block) string { return percent(b.Accuracy, 2) }))
	numbers := func(get func(b *Block) float64) func(b *Block) string {
		return func(b *Block) string {
			if b.Task != dataset.Regression || b.Labelled == 0 {
				return none
			}
			return general(get(b))
		}
	}
	add("R²", numbers(func(b *Block) float64 { return b.R2 }))
	add("Root mean squared error", numbers(func(b *Block) float64 { return b.RMSE }))
	add("Mean absolute error", numbers(func(b *Block) float64 { return b.MAE }))
	add("R² against the teacher", func(b *Block) string {
		return when(b.Task == dataset.Regression && b.Compared > 0, general(b.Agreement))
	})
	classes := func(b *Block) bool { return b.Labelled > 0 && b.Task == dataset.MultiClass }
	add("Errors", func(b *Block) string { return when(classes(b), thousands(int64(b.Errors))) })
	add("Accuracy", func(b *Block) string { return when(classes(b), percent(b.Accuracy, 2)) })
	add("Agreement with the teacher", func(b *Block) string {
		return when(b.Task != dataset.Regression && b.Compared > 0, percent(b.Agreement, 2))
	})
	add("Negative log-likelihood", func(b *Block) string { return when(b.Task != dataset.Regression && b.Labelled > 0, general(b.NLL)) })
	add("Expected calibration error", func(b *Block) string { return when(b.Task != dataset.Regression && b.Labelled > 0, percent(b.ECE, 2)) })
	add("Rows", func(b *Block) string { return when(b.N > 0, thousands(int64(b.N))) })
	add("Parameters", func(b *Block) string { return when(b.Params > 0, thousands(b.Params)) })
	add("File size", func(b *Block) string { return size(b.Bytes) })
	add("FLOPs a row", func(b *Block) string { return count(b.FLOPs) })
	add("Latency a row", func(b *Block) string {
		return when(b.LatencyMS > 0 && finite(float64(b.LatencyMS)), seconds(float64(b.LatencyMS)/1000))
	})
	return rows
}

func parityRows(p *Parity) ([]row, string) {
	if p == nil {
		return nil, ""
	}
	state := "failed"
	if p.Passed {
		state = "passed"
	}
	one := func(name, v string) row { return row{name, []string{v}} }
	rows := []row{
		one("Rows compared", thousands(int64(p.Rows))),
		one("Largest absolute difference", general(float64(p.MaxAbs))+" (limit "+general(float64(p.TolAbs))+")"),
		one("Largest relative difference", general(float64(p.MaxRel))+" (limit "+general(float64(p.TolRel))+")"),
		one("Rows answered otherwise", thousands(int64(p.ArgmaxFlips))),
	}
	if p.Runtime != "" {
		rows = append([]row{one("Runtime", clean(p.Runtime))}, rows...)
	}
	return rows, state
}

func provenanceRows(r *Report) []row {
	p := r.Provenance
	var rows []row
	add := func(name string, values ...string) {
		var kept []string
		for _, v := range values {
			if v = clean(v); v != "" {
				kept = append(kept, v)
			}
		}
		if len(kept) > 0 {
			rows = append(rows, row{name, kept})
		}
	}
	add("Teacher", p.Teacher.Name, p.Teacher.Digest)
	add("Data", p.Data.Name, p.Data.Digest)
	add("Student", p.Architecture)
	if r.Task != dataset.Regression {
		add("Temperature T", setting(float64(p.Temperature)))
	}
	add("Weight α of the soft loss", setting(float64(p.Alpha)))
	add("Weight β of the hard loss", setting(float64(p.Beta)))
	add("Seed", strconv.FormatUint(p.Seed, 10))
	add("Epochs", thousands(int64(p.Epochs)))
	add("Augmentation", p.Augment)
	add("kdonnx", p.Version)
	return rows
}

func timingRows(r *Report) []row {
	var rows []row
	for _, t := range r.Timings {
		rows = append(rows, row{clean(t.Name), []string{seconds(float64(t.Seconds))}})
	}
	add := func(name string, n Number, text string) {
		if n > 0 && finite(float64(n)) {
			rows = append(rows, row{name, []string{text}})
		}
	}
	add("Whole run", r.WallS, seconds(float64(r.WallS)))
	add("Training steps a second", r.StepsPerS, general(float64(r.StepsPerS)))
	add("Training rows a second", r.SamplesPerS, general(float64(r.SamplesPerS)))
	return rows
}

func newHistoryTable(who role, epochs []Epoch, task dataset.Task) historyTable {
	t := historyTable{Role: who, Label: string(who)}
	every := (len(epochs) + maxHistory - 1) / maxHistory
	if every > 1 {
		t.Note = fmt.Sprintf("Every %d epochs of %s; report.json has them all.", every, thousands(int64(len(epochs))))
	}
	for i, e := range epochs {
		if (i+1)%every != 0 && i != len(epochs)-1 {
			continue
		}
		r := row{strconv.Itoa(e.Epoch), []string{general(float64(e.Train.Total)), general(float64(e.Train.Soft)), general(float64(e.Train.Hard)), none, none, general(float64(e.LR))}}
		if e.Val != nil {
			r.Values[3], r.Values[4] = general(float64(e.Val.Loss)), value(float64(e.Val.Accuracy), task != dataset.Regression)
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}
