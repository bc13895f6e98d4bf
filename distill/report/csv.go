package report

import (
	"encoding/csv"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// CSV writes every table and figure of r as one tidy table: a value a line,
// with the columns table, model, row, column and value. One long file is what
// a filter of a spreadsheet and a pivot of pandas take, whatever tables a run
// has:
//
//	d = pandas.read_csv("report.csv")
//	d[d.table == "epochs"].pivot(index=["model", "row"], columns="column", values="value")
//
// Numbers are in full and shares from 0 to 1; one that is not known is empty.
// The cells of a confusion matrix that are 0 are left out.
func CSV(w io.Writer, r *Report) error {
	c := csv.NewWriter(w)
	c.Write([]string{"table", "model", "row", "column", "value"})
	for _, s := range sheets {
		s(r, func(table, model, row, column, value string) {
			c.Write([]string{table, model, cell(row), cell(column), cell(value)})
		})
	}
	c.Flush()
	return c.Error()
}

// put takes one value.
type put func(table, model, row, column, value string)

// sheets are the tables, in the order of the file; each takes what r has of it.
var sheets = []func(r *Report, add put){
	runSheet, recipeSheet, numbersSheet, seedsSheet, gainSheet, balanceSheet, budgetSheet, epochsSheet, reliabilitySheet, classesSheet, confusionSheet, labelsSheet, targetsSheet, paritySheet, timeSheet, notesSheet,
}

// number is x in the fewest digits that give it back.
func number(x float64) string {
	switch {
	case !finite(x):
		return ""
	case x == math.Trunc(x) && math.Abs(x) < 1e15:
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// cell is a text that neither a terminal nor a spreadsheet obeys: what would be
// a formula gets an apostrophe before it.
func cell(s string) string {
	s = clean(s)
	if s == "" || !strings.ContainsRune("=+-@", rune(s[0])) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}

func runSheet(r *Report, add put) {
	p := r.Provenance
	one := func(column, value string) { add("run", "", "", column, value) }
	one("title", r.Title)
	one("task", r.Task.String())
	one("verdict", r.Verdict.Sentence)
	one("helps", strconv.FormatBool(r.Verdict.Helps))
	if paired, test := r.Verdict.paired(); paired != nil {
		one("test", test)
		one("p", number(paired.P))
	}
	if g := r.Verdict.Gain; g != nil {
		one("test", "over seeds, test rows and both")
		one("p", number(g.P))
	}
	one("teacher", p.Teacher.Name)
	one("teacher_sha256", p.Teacher.Digest)
	one("data", p.Data.Name)
	one("data_sha256", p.Data.Digest)
	one("test_rows", p.Test.Name)
	one("test_sha256", p.Test.Digest)
	one("architecture", p.Architecture)
	one("loss", p.Loss)
	one("temperature", number(float64(p.Temperature)))
	one("alpha", number(float64(p.Alpha)))
	one("beta", number(float64(p.Beta)))
	if w := p.Schedules; w != nil {
		one("temperature_schedule", w.Temperature)
		one("alpha_schedule", w.Alpha)
		one("beta_schedule", w.Beta)
	}
	one("seed", strconv.FormatUint(p.Seed, 10))
	one("epochs", strconv.Itoa(p.Epochs))
	one("augment", p.Augment)
	one("teacher_mode", p.TeacherMode)
	one("version", p.Version)
}

func recipeSheet(r *Report, add put) {
	for _, k := range slices.Sorted(maps.Keys(r.Recipe)) {
		add("recipe", "", "", k, r.Recipe[k])
	}
}

func numbersSheet(r *Report, add put) {
	for _, m := range modelsOf(r) {
		add("numbers", m.Label, "", "name", m.Name)
		for _, s := range m.Scores() {
			add("numbers", m.Label, "", s.Name, number(float64(s.Value)))
		}
	}
}

func epochsSheet(r *Report, add put) {
	for _, h := range []struct {
		role   role
		epochs []Epoch
	}{{studentRole, r.History.Student}, {baselineRole, r.History.Baseline}} {
		for _, e := range h.epochs {
			for _, s := range e.Scalars() {
				add("epochs", string(h.role), strconv.Itoa(e.Epoch), strings.ReplaceAll(s.Name, "/", "_"), number(float64(s.Value)))
			}
		}
	}
}

func reliabilitySheet(r *Report, add put) {
	for _, m := range modelsOf(r) {
		for i, b := range m.Bins {
			row := strconv.Itoa(i + 1)
			add("reliability", m.Label, row, "low", number(b.Low))
			add("reliability", m.Label, row, "high", number(b.High))
			add("reliability", m.Label, row, "count", strconv.Itoa(b.Count))
			add("reliability", m.Label, row, "accuracy", number(b.Accuracy))
			add("reliability", m.Label, row, "confidence", number(b.Confidence))
		}
	}
}

func classesSheet(r *Report, add put) {
	models := modelsOf(r)
	names := classNames(r, models)
	for _, m := range models {
		for i, k := range m.PerClass {
			add("classes", m.Label, names[i], "support", strconv.Itoa(k.Support))
			add("classes", m.Label, names[i], "correct", strconv.Itoa(k.Correct))
			add("classes", m.Label, names[i], "predicted", strconv.Itoa(k.Predicted))
			add("classes", m.Label, names[i], "accuracy", number(k.Accuracy))
		}
	}
}

func confusionSheet(r *Report, add put) {
	models := modelsOf(r)
	names := classNames(r, models)
	for _, m := range models {
		for y, line := range m.Confusion {
			for x, n := range line {
				if n != 0 {
					add("confusion", m.Label, names[y], names[x], strconv.Itoa(n))
				}
			}
		}
	}
}

func labelsSheet(r *Report, add put) {
	models := modelsOf(r)
	names := targetNames(r, models)
	for _, m := range models {
		if m.MultiLabel == nil {
			continue
		}
		for i, l := range m.PerLabel {
			one := func(column, value string) { add("labels", m.Label, names[i], column, value) }
			one("known", strconv.Itoa(l.Known))
			one("support", strconv.Itoa(l.Support))
			one("predicted", strconv.Itoa(l.Predicted))
			one("correct", strconv.Itoa(l.Correct))
			one("precision", number(l.Precision))
			one("recall", number(l.Recall))
			one("f1", number(l.F1))
			if l.AP != nil {
				one("ap", number(*l.AP))
			}
			one("ece", number(l.ECE))
		}
	}
}

func targetsSheet(r *Report, add put) {
	models := modelsOf(r)
	names := targetNames(r, models)
	for _, m := range models {
		if m.Regression == nil {
			continue
		}
		for i, t := range m.PerTarget {
			one := func(column, value string) { add("targets", m.Label, names[i], column, value) }
			one("known", strconv.Itoa(t.Known))
			one("rmse", number(t.RMSE))
			one("mae", number(t.MAE))
			one("r2", number(t.R2))
			one("mean", number(t.Mean))
			one("std", number(t.Std))
		}
		for i, t := range m.PerTarget {
			for k, p := range t.Points {
				row := names[i] + "/" + strconv.Itoa(k+1)
				add("predictions", m.Label, row, "value", number(float64(p[0])))
				add("predictions", m.Label, row, "prediction", number(float64(p[1])))
			}
		}
	}
}

func paritySheet(r *Report, add put) {
	p := r.Parity
	if p == nil {
		return
	}
	one := func(column, value string) { add("parity", string(studentRole), "", column, value) }
	one("runtime", p.Runtime)
	one("passed", strconv.FormatBool(p.Passed))
	one("rows", strconv.Itoa(p.Rows))
	one("max_abs", number(float64(p.MaxAbs)))
	one("max_rel", number(float64(p.MaxRel)))
	one("tol_abs", number(float64(p.TolAbs)))
	one("tol_rel", number(float64(p.TolRel)))
	one("argmax_flips", strconv.Itoa(p.ArgmaxFlips))
}

func timeSheet(r *Report, add put) {
	for _, t := range r.Timings {
		add("time", "", "", t.Name, number(float64(t.Seconds)))
	}
	add("time", "", "", "wall_s", number(float64(r.WallS)))
	add("time", "", "", "steps_per_s", number(float64(r.StepsPerS)))
	add("time", "", "", "samples_per_s", number(float64(r.SamplesPerS)))
}

func notesSheet(r *Report, add put) {
	for i, n := range r.Notes {
		add("notes", "", strconv.Itoa(i+1), "note", n)
	}
	for i, n := range r.Warnings {
		add("notes", "", strconv.Itoa(i+1), "warning", n)
	}
}
