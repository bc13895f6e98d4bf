package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/kdonnx/kdonnx/dataset"
	"github.com/kdonnx/kdonnx/internal/fault"
)

// quantity is one column of a comparison.
type quantity struct {
	key, name string
	better    int // 1: more is better; −1: less is; 0: neither
	get       func(r *Report) (float64, bool)
	text      func(x float64) string
}

// of is a number of one of a run's models.
func of(block func(r *Report) *Block, score string) func(r *Report) (float64, bool) {
	return func(r *Report) (float64, bool) {
		b := block(r)
		if b == nil {
			return 0, false
		}
		for _, s := range b.Scores() {
			if s.Name == score {
				return float64(s.Value), finite(float64(s.Value))
			}
		}
		return 0, false
	}
}

func ofTeacher(r *Report) *Block  { return r.Teacher }
func ofBaseline(r *Report) *Block { return r.Baseline }
func ofStudent(r *Report) *Block  { return r.Student }

func asCount(x float64) string   { return thousands(int64(x)) }
func asPercent(x float64) string { return percent(x, 2) }
func asP(x float64) string       { return strings.TrimPrefix(pValue(x), "=\u00a0") }

func signed(text func(float64) string) func(float64) string {
	return func(x float64) string {
		if x > 0 {
			return "+" + text(x)
		}
		return text(x)
	}
}

// results are the columns of what runs of a task come to.
func results(task dataset.Task) []quantity {
	p := quantity{"p", "p", 0, func(r *Report) (float64, bool) {
		paired, _ := r.Verdict.paired()
		if paired == nil {
			return 0, false
		}
		return paired.P, finite(paired.P)
	}, asP}
	switch task {
	case dataset.MultiLabel:
		return []quantity{
			{"micro_f1", "micro-F1", 1, of(ofStudent, "micro_f1"), asPercent},
			{"macro_f1", "macro-F1", 1, of(ofStudent, "macro_f1"), asPercent},
			{"errors", "wrong rows", -1, of(ofStudent, "errors"), asCount},
			{"agreement", "agreement", 1, of(ofStudent, "agreement"), asPercent},
			{"ece", "ECE", -1, of(ofStudent, "ece"), asPercent},
			{"teacher_errors", "teacher's", 0, of(ofTeacher, "errors"), asCount},
			{"baseline_errors", "baseline's", 0, of(ofBaseline, "errors"), asCount},
			{"gain", "gain", 1, gained, signed(asCount)}, p,
		}
	case dataset.Regression:
		return []quantity{
			{"r2", "R²", 1, of(ofStudent, "r2"), general},
			{"rmse", "RMSE", -1, of(ofStudent, "rmse"), general},
			{"mae", "MAE", -1, of(ofStudent, "mae"), general},
			{"agreement", "R² to teacher", 1, of(ofStudent, "agreement"), general},
			{"teacher_mae", "teacher's MAE", 0, of(ofTeacher, "mae"), general},
			{"baseline_mae", "baseline's MAE", 0, of(ofBaseline, "mae"), general},
			{"gain", "gain", 1, gained, signed(general)}, p,
		}
	}
	return []quantity{
		{"errors", "errors", -1, of(ofStudent, "errors"), asCount},
		{"accuracy", "accuracy", 1, of(ofStudent, "accuracy"), asPercent},
		{"agreement", "agreement", 1, of(ofStudent, "agreement"), asPercent},
		{"ece", "ECE", -1, of(ofStudent, "ece"), asPercent},
		{"teacher_errors", "teacher's errors", 0, of(ofTeacher, "errors"), asCount},
		{"baseline_errors", "baseline's", 0, of(ofBaseline, "errors"), asCount},
		{"gain", "gain", 1, gained, signed(asCount)}, p,
	}
}

// sizes are the columns of what a student costs.
var sizes = []quantity{
	{"params", "parameters", -1, of(ofStudent, "params"), asCount},
	{"flops", "FLOPs a row", -1, of(ofStudent, "flops"), func(x float64) string { return count(int64(x)) }},
	{"bytes", "file", -1, of(ofStudent, "bytes"), func(x float64) string { return size(int64(x)) }},
	{"latency_ms", "latency", -1, of(ofStudent, "latency_ms"), func(x float64) string { return seconds(x / 1000) }},
}

// best says which runs no other is better than; none where all are alike.
func (q quantity) best(runs []Named) []bool {
	marks := make([]bool, len(runs))
	var top float64
	n, alike := 0, true
	for _, r := range runs {
		x, ok := q.get(r.Report)
		if !ok {
			continue
		}
		if n > 0 && x != top {
			alike = false
		}
		if n == 0 || float64(q.better)*x > float64(q.better)*top {
			top = x
		}
		n++
	}
	if q.better == 0 || alike {
		return marks
	}
	for i, r := range runs {
		x, ok := q.get(r.Report)
		marks[i] = ok && x == top
	}
	return marks
}

// show is the column's text of a run.
func (q quantity) show(r *Report) string {
	if x, ok := q.get(r); ok {
		return q.text(x)
	}
	return none
}

// Text prints the comparison for a terminal; a star marks the best.
func (c *Comparison) Text(w io.Writer) error {
	for _, note := range c.Notes {
		fmt.Fprintf(w, "note: %s\n", fault.Printable(note))
	}
	for _, g := range c.Groups {
		fmt.Fprintf(w, "\non %s:\n", fault.Printable(g.rows()))
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		columns := append(results(g.Task), sizes...)
		fmt.Fprint(tw, "run")
		for _, q := range columns {
			fmt.Fprintf(tw, "\t%s", q.name)
		}
		fmt.Fprintln(tw)
		best := make([][]bool, len(columns))
		for k, q := range columns {
			best[k] = q.best(g.members)
		}
		for i, n := range g.members {
			fmt.Fprint(tw, fault.Printable(n.Name))
			for k, q := range columns {
				star := ""
				if best[k][i] {
					star = " *"
				}
				fmt.Fprintf(tw, "\t%s%s", q.show(n.Report), star)
			}
			fmt.Fprintln(tw)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	if len(c.Differences) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nwhat differs in the recipes:")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "key")
	for _, n := range c.runs {
		fmt.Fprintf(tw, "\t%s", fault.Printable(n.Name))
	}
	fmt.Fprintln(tw)
	for _, d := range c.Differences {
		fmt.Fprint(tw, fault.Printable(d.Key))
		for _, v := range d.Values {
			fmt.Fprintf(tw, "\t%s", fault.Printable(shorten(shownValue(v), 40)))
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// shownValue is a setting's value for people.
func shownValue(v *string) string {
	switch {
	case v == nil:
		return "not known"
	case *v == "":
		return none
	}
	return clean(*v)
}
