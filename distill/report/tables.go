package report

import (
	"fmt"
	"math"
	"strconv"

	"github.com/kdonnx/kdonnx/dataset"
)

// row is one line of a table.
type row struct {
	Name   string
	Values []string
}

type historyTable struct {
	Role     role
	Label    string
	Note     string
	Weighted bool // with columns of T, α and β
	Rows     []row
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
	latency := func(n Number) string { return when(n > 0 && finite(float64(n)), seconds(float64(n)/1000)) }
	add("Latency a row", func(b *Block) string { return latency(b.LatencyMS) })
	add("Latency a row, one thread", func(b *Block) string { return latency(b.LatencyOneMS) })
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
		add("Temperature T", setting(float64(p.Temperature)), p.Schedules.of(func(s Schedules) string { return s.Temperature }))
	}
	add("Weight α of the soft loss", setting(float64(p.Alpha)), p.Schedules.of(func(s Schedules) string { return s.Alpha }))
	add("Weight β of the hard loss", setting(float64(p.Beta)), p.Schedules.of(func(s Schedules) string { return s.Beta }))
	add("Seed", strconv.FormatUint(p.Seed, 10))
	add("Epochs", thousands(int64(p.Epochs)))
	add("Augmentation", p.Augment)
	add("Teacher asked", p.TeacherMode)
	add("kdonnx", p.Version)
	return rows
}

// of is one of the schedules; empty where there are none.
func (s *Schedules) of(get func(Schedules) string) string {
	if s == nil {
		return ""
	}
	return get(*s)
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
		t.Note = fmt.Sprintf("Every %d epochs of %s; metrics.json and report.csv have them all.", every, thousands(int64(len(epochs))))
	}
	for _, e := range epochs {
		t.Weighted = t.Weighted || e.Weights != nil
	}
	for i, e := range epochs {
		if (i+1)%every != 0 && i != len(epochs)-1 {
			continue
		}
		r := row{strconv.Itoa(e.Epoch), []string{none, none}}
		if e.Val != nil {
			r.Values[0], r.Values[1] = general(float64(e.Val.Loss)), value(float64(e.Val.Accuracy), task != dataset.Regression)
		}
		numbers := []Number{e.Train.Total, e.Train.Soft, e.Train.Hard, e.Train.SoftGradient, e.Train.HardGradient, e.LR}
		if w := e.Weights; w != nil {
			numbers = append(numbers, w.Temperature, w.Alpha, w.Beta)
		} else if nan := Number(math.NaN()); t.Weighted {
			numbers = append(numbers, nan, nan, nan)
		}
		for _, n := range numbers {
			r.Values = append(r.Values, general(float64(n)))
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}
